package loader

import "unicode"

// writings are encodings of other scripts than alphabets has, with the characters that are frequent in them. Of
// encodings that fit equally well the first is taken.
var writings = []struct {
	encodings []string
	frequent  string  // in lower case
	usual     float64 // their share of the letters of a usual text
}{
	{[]string{"windows-1251", "koi8-u", "ibm866", "iso-8859-5", "ibm855", "x-mac-cyrillic"}, "оеаинтсрвлкмдпуязыьгіј", 0.85},
	{[]string{"windows-1253", "iso-8859-7"}, "αοιετσηνυρπκμλςάόίέήύ", 0.85},
	{[]string{"windows-1255"}, "יוהלאתרמבשנםדע", 0.75},
	{[]string{"windows-874"}, "านรอกเงมยลวดทสตะปบคหแจพชขใไโัิี่้็ุู์ำถผ", 0.85},
	{[]string{"shift_jis", "euc-jp"}, "あいうえおかがきぎくぐけげこごさざしじすずせぜそぞただちぢつづってでとどなにぬねのはばひびふぶへべほぼまみむめもやゃゆゅよょらりるれろわをん" +
		"アイウエオカガキギクグケゲコゴサザシジスズセソタダチツッテデトドナニネノハバパヒビピフブプヘベペホボポマミムメモヤャユュヨョラリルレロワンー", 0.45},
	{[]string{"euc-kr"}, "이다는가에을의하고지도로한은기나사리어아서대자인를시스그일정수부전제해보구여과장주조상들만라거유비면으마안성원공연선동계신오경우치무국소물발행방요용모세" +
		"내생적분중없있었된되될할것더때말위게러르니며와년차금관학미화실당각진트영회문반산저드바야업양음통단개점현법민체표력출크근교", 0.6},
	{[]string{"gb18030", "big5"}, "的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着著下自之年过過发發后後作里裡用道行所然" +
		"家种種事成方多经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心她本前开開但因只从從想实實日军軍者意无無力它与與长長把机機十民第公此已工使情明" +
		"性知全三又关關点點正业業外将將两兩高间間由问問很最重并並物手应應战戰向头頭文体體政美相见見被利什二等产產或新己制身果加西斯月话話合回特代内內信表化老给給世位次度门門任常先海" +
		"通教儿兒原东東声聲提立及比员員解水名真论論处處走义義各入几幾口认認条條平系气氣题題活尔爾更别別打女变變四神总總何电電数數安少报報才结結反受目太量再感建务務做接必场場件计計管" +
		"期市直德资資命山金指克许許统統区區保至队隊形社便空决決治展马馬科司五基眼书書非则則听聽白却卻界达達光放强強即像难難且权權思王象完设設式色路记記南品住告类類求据據程北边邊死张" +
		"張该該交规規万萬取拉格望觉覺术術领領共确確传傳师師观觀清今切院让讓识識候带帶导導争爭运運函返码碼", 0.5},
}

// detectByWriting finds the encoding whose letters beyond ASCII are most nearly as often the frequent ones of their
// script as usual.
func detectByWriting(sample []byte) (best charset, found bool) {
	most := 0.0
	for _, w := range writings {
		frequent := map[rune]bool{}
		for _, r := range w.frequent {
			frequent[r] = true
		}
		for _, name := range w.encodings {
			c, err := findCharset(name)
			if err != nil || !makesText(c, sample) {
				continue
			}
			text, err := c.decodeSample(sample)
			if err != nil {
				continue
			}
			if fit := shareOf(string(text), frequent) / w.usual; fit > most {
				best, most = c, fit
			}
		}
	}
	best.uncertain = most < certainWriting
	return best, most >= possibleWriting
}

// upperCase is what a letter in upper case counts, of which most texts have few.
const upperCase = 0.75

// shareOf returns the share of some characters among all beyond ASCII but punctuation. What no word has, Latin letters
// beside others and a capital behind a small letter, takes from it.
func shareOf(text string, some map[rune]bool) float64 {
	n, all := 0.0, 0.0
	before, last := ' ', ' '
	for _, r := range text {
		if hasCase(r) && hasCase(last) && ((r <= unicode.MaxASCII) != (last <= unicode.MaxASCII) || unicode.IsUpper(r) && unicode.IsLower(last)) {
			all++
		}
		line := isLine(before, last, r)
		before, last = last, r
		if r <= unicode.MaxASCII || unicode.IsPunct(r) || unicode.IsSpace(r) {
			continue
		}
		all++
		switch {
		case line:
		case some[r]:
			n++
		case some[unicode.ToLower(r)]:
			n += upperCase
		}
	}
	return n / max(all, 1)
}

func hasCase(r rune) bool { return unicode.IsUpper(r) || unicode.IsLower(r) }
