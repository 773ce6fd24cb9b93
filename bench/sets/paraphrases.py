"""para: pairs made by hand that have no word in common, among documents of other sets. para50: these pairs alone."""

import random

from sets import read_docs, save

PAIRS = [
    (
        "How do I reset my password?",
        "Click the forgotten credentials link and we will email you a way to regain access to your account.",
    ),
    (
        "cheap places to eat near the station",
        "Budget restaurants within walking distance of the train terminal serve noodles and soup.",
    ),
    (
        "my dog will not eat",
        "Loss of appetite in pets can be caused by stress, dental pain or illness; see a veterinarian.",
    ),
    ("symptoms of the flu", "Fever, chills, muscle aches, cough and fatigue are typical signs of influenza."),
    (
        "how to fix a flat bicycle tire",
        "Remove the wheel, find the puncture in the inner tube, patch it and pump it up again.",
    ),
    ("why is the sky blue", "Air molecules scatter short wavelengths of sunlight more strongly than long ones."),
    (
        "causes of the first world war",
        "Alliances, imperial rivalry and the assassination of the archduke in 1914 led Europe into conflict.",
    ),
    ("best time to plant tomatoes", "Sow seedlings outdoors in spring once the danger of frost has passed."),
    (
        "refund for a cancelled flight",
        "Passengers are entitled to get their money back when the airline calls off the journey.",
    ),
    ("how to lower blood pressure", "Eating less salt, exercising and losing weight reduce hypertension."),
    ("interest rates and inflation", "The central bank makes borrowing costlier to slow down rising prices."),
    (
        "learn to play guitar",
        "Beginners should practise simple chords and strumming on a six-string instrument every day.",
    ),
    ("what do bees do in winter", "Honey-making insects cluster together in the hive to keep warm during cold months."),
    (
        "how to write a cover letter",
        "When applying for a job, introduce yourself to the employer and explain why you suit the role.",
    ),
    ("treatment for a burn", "Cool the injured skin under running water and cover it with a clean dressing."),
    (
        "remote work productivity",
        "Employees working from home report getting more done but feeling isolated from colleagues.",
    ),
    (
        "who painted the Mona Lisa",
        "Leonardo da Vinci created the famous portrait in Florence in the early sixteenth century.",
    ),
    (
        "how vaccines work",
        "Immunisation trains the body's defences to recognise a pathogen by exposing it to a harmless part.",
    ),
    ("house prices are falling", "The property market has cooled and homes now sell for less than last year."),
    ("ways to save energy at home", "Insulating the loft and turning down the heating cut electricity and gas bills."),
    (
        "train your puppy to sit",
        "Hold a treat above the young dog's nose and reward it when its bottom touches the floor.",
    ),
    ("effects of deforestation", "Cutting down forests destroys habitats, erodes soil and releases carbon dioxide."),
    ("child custody after divorce", "When parents separate, a judge may decide with whom the kids will live."),
    ("speed limit in town", "Drivers must not exceed fifty kilometres per hour in urban areas."),
    ("how to boil an egg", "Place it in simmering water for seven minutes, then cool it and peel the shell."),
    ("earthquake safety", "During a tremor, drop to the floor, take cover under a table and hold on."),
    (
        "how to apply for a passport",
        "Fill in the travel document form, attach two photographs and pay the fee at the office.",
    ),
    ("the film was boring", "Critics found the movie dull, slow and far too long."),
    (
        "phone battery drains quickly",
        "If your mobile loses charge fast, lower the screen brightness and close background apps.",
    ),
    ("water on Mars", "Scientists discovered ice beneath the surface of the red planet."),
    ("how to stop smoking", "Nicotine patches and counselling help people quit cigarettes."),
    ("football match result", "The home team won the game two goals to nil on Saturday."),
    ("lawyer for a car accident", "An attorney can help you claim compensation after a vehicle collision."),
    ("teach kids to read", "Sounding out letters with picture books helps young pupils gain literacy."),
    ("database query is slow", "Add an index on the filtered column and look at the execution plan to speed up SQL."),
    ("server ran out of memory", "The process was killed because the machine had no RAM left."),
    ("encrypt files on disk", "Protect stored documents with a secret key so that thieves cannot open them."),
    ("convert pictures to another format", "This tool turns images from PNG to JPEG and other types."),
    (
        "merge two git branches",
        "Integrate the changes from one line of development into another and resolve the conflicts.",
    ),
    ("unit test failing randomly", "Flaky checks often come from timing races or shared state between cases."),
    ("measure website traffic", "Analytics software counts visitors and page views."),
    ("machine learning for beginners", "An introduction to training models that discover patterns in data."),
    ("how do volcanoes form", "Molten rock rises from deep within the earth and erupts through the crust."),
    (
        "lose weight without exercise",
        "Dieting with fewer calories can make you slimmer even if you never go to the gym.",
    ),
    ("wedding gift ideas", "Present the bride and groom with kitchenware, money or a holiday."),
    ("insomnia remedies", "If you can't fall asleep, avoid coffee and screens before bed."),
    ("population growth in cities", "More and more people move from the countryside to urban areas."),
    ("stock market crash", "Shares plunged and investors lost billions in a single day."),
    ("renewable electricity sources", "Wind turbines and solar panels generate power without burning fossil fuels."),
    ("clean a coffee machine", "Run vinegar through the espresso maker to remove limescale."),
]


def build():
    queries, docs = [q for q, _ in PAIRS], [d for _, d in PAIRS]
    relevant = [[i] for i in range(len(PAIRS))]
    save("para50", docs, queries, relevant, "en", "paraphrases made by hand, alone")
    rnd = random.Random(3)
    for name, n in (("lo-en", 350), ("defs", 500), ("deb-en", 300), ("man-en", 300)):
        docs = docs + rnd.sample(read_docs(name), n)
    save("para", docs, queries, relevant, "en", "paraphrases made by hand, among others")
