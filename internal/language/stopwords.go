package language

import "strings"

// StopWord reports whether a word is one that the texts of some language are full of, as it is
// written in a text: "das", "where". Of Chinese, Japanese and Korean, two characters that
// follow each other are a word. One in capitals, which may be an abbreviation or the D of
// "vitamin D", is none, but for I and A.
func StopWord(word string) bool {
	lower := strings.ToLower(word)
	if word != lower && word == strings.ToUpper(word) {
		return word == "I" || word == "A"
	}
	return english(lower) || other(lower) && !thing(lower) || shared(lower) || written(lower)
}

// thing reports whether a word in lower case, which another language is full of, names something
// in English: a van, hay, a par, an ini file.
func thing(word string) bool {
	switch word {
	case "ali", "az", "dal", "dan", "dos", "hay", "ini", "las", "los", "met", "mia", "nos", "par", "pour", "sur", "tai", "uno", "van":
		return true
	}
	return false
}

// shared reports whether a word in lower case is one that English and another language are full
// of, or that English has too and another language is full of, and so is no evidence for either.
func shared(word string) bool {
	switch word {
	case "a", "an", "as", "at", "do", "he", "i", "in", "me", "my", "no", "on", "or", "so", "was", "will",
		"ab", "also", "am", "d", "da", "die", "doch", "du", "e", "en", "er", "es", "hier", "l", "o", "ob", "um", "wer", "y":
		return true
	}
	return false
}

// written reports whether a word in lower case is one of those that its letters tell to be not
// English, and that its language is full of.
func written(word string) bool {
	switch word {
	case // German, French, Spanish, Portuguese, Italian
		"für", "über", "während", "können", "könnte", "müssen", "würde", "wäre", "à", "é", "ê", "où", "été", "être", "même", "más", "él",
		"sí", "qué", "cómo", "cuál", "cuándo", "dónde", "quién", "está", "están", "también", "são", "não", "você", "também", "até", "è",
		"più", "perché", "così", "può", "cioè",
		// Russian
		"и", "в", "не", "на", "что", "с", "по", "как", "это", "для", "из", "за", "к", "от", "о", "у", "же", "но", "бы", "то", "его", "её",
		"она", "он", "они", "мы", "вы", "я", "был", "была", "было", "были", "быть", "при", "или", "если", "где", "когда", "кто", "чтобы",
		"все", "только", "так", "уже", "ещё", "еще", "до", "со", "их", "есть", "нет", "можно", "нужно", "этот", "эта", "эти", "который",
		"которая", "которые", "какой", "какая", "какие", "также", "может", "после", "перед", "между",
		// Arabic
		"في", "من", "على", "إلى", "الى", "عن", "ما", "ماذا", "متى", "أين", "كيف", "هل", "هذا", "هذه", "ذلك", "تلك", "التي", "الذي",
		"الذين", "مع", "قبل", "بعد", "كل", "كم", "أن", "إن", "أو", "ثم", "لا", "لم", "لن", "قد", "كان", "كانت", "يكون", "هو", "هي", "نحن",
		"هم", "بين", "حتى", "عند", "منذ", "إذا", "لكن", "أي", "غير", "يجب", "يمكن",
		// Japanese
		"です", "ます", "まし", "せん", "でし", "ょう", "した", "して", "する", "いる", "ある", "ない", "から", "まで", "こと", "とき", "もの",
		"れる", "られ", "では", "には", "とは", "この", "その", "あの", "どこ", "いつ", "だれ", "なに", "これ", "それ", "あれ", "ので", "のは",
		"のか", "すか", "くだ", "ださ", "さい", "ても", "たら", "れば", "よう", "ため", "とい", "いう", "など", "たい", "てい",
		// Chinese
		"我们", "你们", "他们", "什么", "怎么", "么样", "么时", "时候", "这个", "那个", "这些", "那些", "可以", "没有", "如果", "因为", "所以",
		"但是", "还是", "就是", "不是", "一个", "需要", "应该", "哪里", "多少", "自己", "为什", "如何", "以及", "或者", "并且", "已经", "不能",
		"是否",
		// Korean
		"니다", "습니", "합니", "입니", "됩니", "있습", "에서", "으로", "하는", "있는", "하고", "까지", "부터", "어디", "언제", "나요", "까요",
		"그리", "리고", "에게", "에는", "것은", "것을":
		return true
	}
	return false
}
