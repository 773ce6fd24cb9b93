package language

// english reports whether a word in lower case is one that English texts are full of and texts in
// other languages are not.
func english(word string) bool {
	switch word {
	case "the", "of", "and", "that", "this", "with", "from", "are", "be", "been", "not", "by", "if", "you", "your", "can", "which",
		"has", "have", "had", "were", "but", "when", "more", "use", "used", "using", "its", "they", "their", "there", "than", "then",
		"into", "only", "other", "some", "what", "how", "who", "she", "his", "we", "our", "would", "could", "should",
		"must", "any", "each", "does", "did", "such", "these", "those", "about", "after", "before", "between", "through", "where",
		"because", "while", "without", "being", "both", "same", "most", "just", "it", "is", "to", "for":
		return true
	}
	return false
}

// other reports whether a word in lower case is one that texts in some other language of the Latin
// script are full of, and that is neither English nor usual in code.
func other(word string) bool {
	switch word {
	case // German
		"der", "und", "das", "ist", "nicht", "ein", "eine", "einen", "einem", "einer", "eines", "mit", "auf", "den", "dem", "von", "zu",
		"zum", "zur", "sich", "auch", "wird", "werden", "sind", "oder", "bei", "nach", "aus", "durch", "wenn", "nur", "als", "wie", "kann",
		"sie", "ich", "wir", "haben", "dass", "diese", "dieser", "dieses", "noch", "vom", "im",
		"uhr", "bis", "ohne", "sehr", "ihr", "ihre", "uns", "wo", "wann", "soll", "muss", "beim", "findet", "gibt", "heute", "morgen", "schon",
		"immer", "jetzt", "mein", "meine", "unser", "habe", "kein", "keine", "statt",
		// French, Spanish, Italian, Portuguese, Romanian
		"de", "le", "la", "les", "du", "et", "est", "dans", "pour", "une", "que", "qui", "sur", "pas", "avec", "au", "aux", "cette",
		"sont", "par", "vous", "nous", "il", "elle", "ou", "mais", "el", "los", "las", "por", "una", "del", "se", "como", "para",
		"su", "al", "este", "esta", "puede", "pero", "di", "che", "della", "dei", "delle", "uno", "sono", "nel", "nella", "alla", "gli",
		"anche", "questo", "questa", "si", "uma", "dos", "da", "na", "ao", "pelo", "pela", "seu", "sua", "cu", "din", "sau",
		"pentru", "nu", "sunt", "un",
		"je", "tu", "mes", "ses", "nos", "votre", "leur", "aussi", "chez", "faut", "peut", "doit", "ces", "elles", "ils", "dont",
		"sobre", "entre", "hay", "muy", "desde", "cuando", "donde", "porque", "todos", "fue", "hasta", "sus", "cada",
		"hai", "sei", "mio", "mia", "dal", "dalla", "dai", "sul", "sulla", "tutto", "tutti", "essere", "nei", "degli", "loro", "suo", "quando",
		"nas", "isso", "foi", "tem", "ela", "ele", "meu", "minha", "muito", "onde",
		// Dutch, Swedish, Danish, Norwegian
		"het", "een", "van", "dat", "niet", "voor", "met", "zijn", "wordt", "worden", "naar", "ook", "deze", "dit", "uit", "aan", "maar",
		"te", "kan", "heeft", "och", "att", "det", "som", "inte", "av", "til", "till", "med", "ikke", "ett", "eller", "vara", "og", "af", "skal",
		"ik", "wij", "zij", "hij", "mijn", "geen", "nog", "moet", "kunt", "hebben", "werd", "waar", "hoe", "jag", "jeg", "har", "hvor", "fra",
		// Polish, Czech, Croatian, Slovene, Hungarian, Finnish, Turkish, Indonesian
		"nie", "jest", "dla", "lub", "oraz", "jak", "tylko", "przez", "jego", "tego", "tej", "ze", "za", "czy", "jako", "nebo", "jsou",
		"ili", "koji", "nije", "kao", "ali", "az", "hogy", "nem", "egy", "csak", "vagy", "ja", "ei", "tai", "voi", "kun", "joka", "ovat",
		"ve", "bir", "bu", "ile", "olarak", "olan", "daha", "veya", "gibi", "kadar", "yang", "dan", "untuk", "dengan", "tidak", "dari", "pada",
		"dalam", "adalah", "ini", "itu", "atau", "akan", "dapat", "oleh", "yok", "sonra", "saat":
		return true
	}
	return false
}
