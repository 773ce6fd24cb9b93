package loader

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	english  = "A plain sentence, with nothing in it that would not be ASCII.\n"
	french   = "Les élèves ont été très étonnés : le garçon préférait la forêt à l’école où il était né.\n"
	german   = "Die Bürger müssen über größere Übel hinwegsehen, heißt es; doch möchten sie später für Ruhe sorgen.\n"
	russian  = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.\n"
	greek    = "Η γλώσσα μου έδωσαν ελληνική, το σπίτι φτωχικό στις αμμουδιές του Ομήρου και η ψυχή.\n"
	japanese = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で泣いていた事だけは記憶している。\n"
	chinese  = "道可道，非常道。名可名，非常名。无名天地之始；有名万物之母。故常无欲，以观其妙；常有欲，以观其徼。我们在这里是一个人的。\n"
	korean   = "모든 국민은 인간으로서의 존엄과 가치를 가지며, 행복을 추구할 권리를 가진다. 국가는 이를 보장할 의무를 진다.\n"
)

// encode writes text in an encoding.
func encode(t testing.TB, name, text string) string {
	t.Helper()
	c := must(findCharset(name))
	if c.enc == nil {
		return text
	}
	return must(c.enc.NewEncoder().String(text))
}

func TestDetectEncoding(t *testing.T) {
	t.Parallel()
	tests := []struct{ encoding, bom, text string }{
		{"utf-8", "", french + japanese},
		{"utf-8", "\xef\xbb\xbf", french},
		{"utf-16le", "\xff\xfe", french},
		{"utf-16be", "\xfe\xff", japanese},
		{"utf-32le", "\xff\xfe\x00\x00", french},
		{"utf-32be", "\x00\x00\xfe\xff", chinese},
		{"utf-16le", "", english},
		{"utf-16be", "", french},
		{"utf-16le", "", russian},
		{"utf-16be", "", russian + english},
		{"utf-16le", "", strings.ReplaceAll(chinese, "。", "。 \n")},
		{"utf-16le", "", "emoji 🙂 beyond the first plane"},
		{"windows-1252", "", french},
		{"iso-8859-1", "", german},
		{"windows-1252", "", "café"},
		{"windows-1252", "", "“quoted”"},
		{"windows-1251", "", strings.Repeat(russian, 3)},
		{"windows-1251", "", "Широкая река. Я живу в большом городе."}, // Mac OS Cyrillic to the detector
		{"koi8-r", "", strings.Repeat(russian, 3)},
		{"iso-8859-7", "", greek},
		{"shift_jis", "", japanese},
		{"euc-jp", "", japanese},
		{"euc-kr", "", korean},
		{"gb18030", "", chinese},
		{"big5", "", strings.Repeat("道可道，非常道。名可名，非常名。我們在這裡是一個人的國家，有不得以後大學生。", 2)},
		// The first strange byte comes late, and the sample may cut characters.
		{"windows-1252", "", strings.Repeat(english, 5000) + french},
		{"shift_jis", "", strings.Repeat(english+japanese, 2000)},
	}
	for _, test := range tests {
		in := test.bom + encode(t, test.encoding, test.text)
		rec, err := readOne(t, from(Text, in), ReadOptions{})
		if err != nil || rec.Text != test.text {
			t.Errorf("%s %.20q: %v, read %.60q", test.encoding, test.text, err, rec.Text)
		}
	}
}

// The first article of the Universal Declaration of Human Rights, or its beginning.
var articles = []struct{ encodings, text string }{
	{"windows-1250 iso-8859-2", "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa."},
	{"windows-1250 iso-8859-2", "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím a mají spolu jednat v duchu bratrství."},
	{"windows-1250 iso-8859-2", "Všetci ľudia sa rodia slobodní a sebe rovní, čo sa týka ich dôstojnosti a práv. Sú obdarení rozumom a majú navzájom jednať v bratskom duchu."},
	{"windows-1250 iso-8859-2", "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek, ésszel és lelkiismerettel bírván, egymással szemben testvéri szellemben kell hogy viseltessenek."},
	{"windows-1250 iso-8859-2", "Sva ljudska bića rađaju se slobodna i jednaka u dostojanstvu i pravima. Ona su obdarena razumom i sviješću i trebaju jedna prema drugima postupati u duhu bratstva. Čovječe, kaže žena."},
	{"windows-1250 iso-8859-2", "Toate fiinţele umane se nasc libere şi egale în demnitate şi în drepturi. Ele sunt înzestrate cu raţiune şi conştiinţă şi trebuie să se comporte unele faţă de altele în spiritul fraternităţii."},
	{"windows-1257", "Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis. Jiems suteiktas protas ir sąžinė ir jie turi elgtis vienas kito atžvilgiu kaip broliai."},
	{"windows-1257", "Visi cilvēki piedzimst brīvi un vienlīdzīgi savā pašcieņā un tiesībās. Viņi ir apveltīti ar saprātu un sirdsapziņu, un viņiem jāizturas citam pret citu brālības garā."},
	{"windows-1254 iso-8859-9", "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler."},
	{"windows-1252 iso-8859-1", "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão e de consciência, devem agir uns para com os outros em espírito de fraternidade."},
	{"windows-1252 iso-8859-1", "Alla människor är födda fria och lika i värde och rättigheter. De har utrustats med förnuft och samvete och bör handla gentemot varandra i en anda av gemenskap."},
	{"windows-874", "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม"},
	{"cp866 windows-1251 koi8-r iso-8859-5", "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны поступать в отношении друг друга в духе братства."},
	{"koi8-u windows-1251", "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені розумом і совістю і повинні діяти у відношенні один до одного в дусі братерства."},
	{"windows-1253", "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση."},
	{"windows-1255", "כל בני אדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה."},
	{"windows-1256", "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء."},
	{"iso-2022-jp shift_jis euc-jp", "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。"},
	{"hz-gb-2312 gb18030", "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"},
	{"gb18030", "#include <stdio.h>\nint main(void) {\n\t// 打开文件\n\tFILE *f = fopen(\"a\", \"r\");\n\treturn f == NULL; // 返回\n}\n"},
	{"big5", "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心,並應以兄弟關係的精神相對待。"},
	{"euc-kr", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다."},
}

func TestDetectLanguages(t *testing.T) {
	t.Parallel()
	for _, article := range articles {
		for _, name := range strings.Fields(article.encodings) {
			// What is ASCII, and how far away it is, does not matter.
			for _, text := range []string{article.text + "\n", strings.Repeat(english, 5000) + article.text + "\n"} {
				r := must(Open(t.Context(), from(Text, encode(t, name, text)), ReadOptions{}))
				for rec, err := range r.Records() {
					if err != nil || rec.Text != text || len(r.Remarks()) > 0 {
						t.Errorf("%s %.20q: %v, remarks %q, read %q", name, article.text, err, r.Remarks(), rec.Text[max(0, len(rec.Text)-60):])
					}
				}
			}
		}
	}
}

// What another encoding would explain as well is read, and the reader says so.
func TestUncertainEncoding(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want, guess string }{
		{"\xc8ech", "Èech", "windows-1252"}, // perhaps Czech: Čech
		{"\xe0 la carte", "à la carte", "windows-1252"},
		{"100 m\xb2, caf\xe9", "100 m², café", "windows-1252"},
		{"25\xb0C and 3\xb5m", "25°C and 3µm", "windows-1252"},
		{"l'\xe9t\xe9 \xe0 la mer\n\xc3\xa9t\xc3\xa9", "l'้t้ เ la mer\nรฉtรฉ", "windows-874"},
		{"\xc9\xcd\xcd\xcd\xcd\xbb\n\xba Read \xba\n\xc8\xcd\xcd\xcd\xcd\xbc\n", "ษออออป\nบ Read บ\nศออออผ\n", "windows-874"}, // a frame in cp437
		{"caf\xe9", "café", ""}, // é is the same in all that have it
		{"M\xfcller\xae", "Müller®", ""},
		{"caf\xc3\xa9", "café", ""},
	}
	for _, test := range tests {
		r := must(Open(t.Context(), from(Text, test.in), ReadOptions{}))
		for rec, err := range r.Records() {
			if err != nil || rec.Text != test.want || !strings.Contains(fmt.Sprint(r.Remarks()), test.guess) || test.guess == "" && len(r.Remarks()) > 0 {
				t.Errorf("%q: %q, %v, remarks %q", test.in, rec.Text, err, r.Remarks())
			}
		}
	}
}

// Escape sequences alone make no encoding, and neither do sequences that have no meaning in it.
func TestNoEscapedEncoding(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"\x1b[31mred\x1b[0m", `a~{b}~ {~}`, `~{zz~}`, "\x1b$B~~\x1b(B", "\x1b$B5e"} {
		rec, err := readOne(t, from(Text, in), ReadOptions{})
		if err != nil || rec.Text != in {
			t.Errorf("%q: %q, %v", in, rec.Text, err)
		}
	}
}

// Names of Python's standard encodings, and some of their aliases.
func TestPythonEncodingNames(t *testing.T) {
	t.Parallel()
	names := "ascii us-ascii big5 big5-tw cp037 cp437 437 cp850 cp852 cp855 cp858 cp860 cp862 cp863 cp865 cp866 866 cp874 cp932 ms932 " +
		"cp936 cp949 cp950 cp1140 cp1250 windows-1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 euc_jp ujis euc_kr gb2312 " +
		"gbk gb18030 hz iso2022_jp latin_1 iso-8859-1 iso8859-1 8859 cp819 latin L1 iso8859_2 iso8859-2 latin2 iso8859_3 iso8859_4 " +
		"iso8859_5 cyrillic iso8859_6 arabic iso8859_7 greek iso8859_8 hebrew iso8859_9 latin5 iso8859_10 iso8859_11 thai iso8859_13 " +
		"iso8859_14 iso8859_15 latin9 iso8859_16 koi8_r koi8_u mac_cyrillic mac_roman macintosh shift_jis sjis utf_8 utf8 U8 utf_8_sig " +
		"utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le"
	for _, name := range strings.Fields(names) {
		if err := ValidEncoding(name); err != nil {
			t.Error(err)
		}
	}
}

func TestForcedEncoding(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"utf-8", "\xef\xbb\xbfé", "é"},
		{"UTF8", "é", "é"},
		{"utf-16", "\xff\xfea\x00", "a"},
		{"utf-16", "\xfe\xff\x00a", "a"},
		{"utf-16", "a\x00", "a"},
		{"utf_16_be", "\xfe\xff\x00a", "a"},
		{"utf-16le", "\xfd\xff\xe9\x00", "\ufffdé"}, // U+FFFD was there already
		{"gb18030", "\x84\x31\xa4\x37a\x84\x31\xa4\x37", "\ufffda\ufffd"},
		{"utf-32", "\xff\xfe\x00\x00a\x00\x00\x00", "a"},
		{"latin-1", "\xef\xbb\xbf\x80", "ï»¿\u0080"},
		{"latin1", "caf\xe9", "café"},
		{"Windows-1252", "\x80", "€"},
		{"cp437", "\x81", "ü"},
		{"iso-2022-jp", "\x1b$B5e\x1b(B", "球"},
		{"x-sjis", "\x8b\x85", "球"},
	}
	for _, test := range tests {
		if err := ValidEncoding(test.name); err != nil {
			t.Error(err)
			continue
		}
		rec, err := readOne(t, from(Text, test.in), ReadOptions{Encoding: test.name})
		if err != nil || rec.Text != test.want {
			t.Errorf("%s %q: %q, %v; want %q", test.name, test.in, rec.Text, err, test.want)
		}
	}
}

func TestWrongEncoding(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(english, 3000)
	tests := []struct {
		name, in string
		offset   int64
	}{
		{"utf-8", "caf\xe9", 3},
		{"utf-8", "\xef\xbb\xbfa\xffb", 4},
		{"utf-8", "cut \xe2\x82", 4},
		{"utf-16le", "\xff\xfea\x00\x00\xd8b\x00", 4},
		{"utf-16be", "\x00a\x00", 2},
		{"shift_jis", encode(t, "shift_jis", japanese) + "\xfd\xfd", int64(len(encode(t, "shift_jis", japanese)))},
		{"gb18030", "\x84\x31\xa4\x37a\xffz", 5},
		{"us-ascii", "caf\xe9", 3},
		{"koi8-r", "all bytes of it mean something \xff", -1},
		{"windows-1253", long + "\xd2", int64(len(long))},
		{"utf-8", long + "\xe9", int64(len(long))},
	}
	for _, test := range tests {
		_, err := readOne(t, from(Text, test.in), ReadOptions{Encoding: test.name})
		var wrong *EncodingError
		switch {
		case test.offset < 0 && err == nil:
		case !errors.As(err, &wrong) || wrong.Offset != test.offset || wrong.Guessed:
			t.Errorf("%s %.20q: %v, want an error at %d", test.name, test.in, err, test.offset)
		case !strings.HasPrefix(err.Error(), `reading "in": not `):
			t.Error(err)
		}
	}
}

func TestUndetectedEncoding(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in     string
		offset int64
	}{
		{strings.Repeat(french, 3) + "\xff" + french, int64(3 * len(french))}, // damaged UTF-8 is not another encoding
		{strings.Repeat(english, 10) + "\x01\x02\x03\x81\x8d\x8f\x90\x9d", int64(10*len(english) + 3)},
		{"\xef\xbb\xbfa\xff", 4},
		{"\xc3\xc4\xc4\xc4docs\n\xb3   \xc0\xc4\xc4\xc4img\n\xc0\xc4\xc4\xc4src\n", 0}, // a tree that is drawn in cp437
		{"\xff\xfea\x00\x00\xdc", 4},
	} {
		_, err := readOne(t, from(Text, test.in), ReadOptions{})
		var wrong *EncodingError
		if !errors.As(err, &wrong) || wrong.Offset != test.offset || !strings.Contains(err.Error(), "--encoding") {
			t.Errorf("%.20q: %v", test.in, err)
		}
	}
}

func TestInvalidEncodingNames(t *testing.T) {
	t.Parallel()
	// The last two are known to registers, but not to us.
	for _, name := range []string{"", "nonsense", "utf-7", "iso-2022-kr", "ebcdic-us"} {
		err := ValidEncoding(name)
		if err == nil || !strings.Contains(err.Error(), "windows-1252") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestBinary(t *testing.T) {
	t.Parallel()
	tests := []struct {
		head, encoding string
		want           bool
	}{
		{"", "", false},
		{english + russian, "", false},
		{"caf\xe9", "", false},
		{"a\x00b", "", true},
		{"abc\x00", "", true},
		{"one\x00two\x00three\x00", "", true},
		{"\x01\x00\x02\x00\x03\x00\x04\x00", "", true},  // small numbers
		{"\x00\xd8a\x00b\x00", "", true},                // half a surrogate pair
		{strings.Repeat("a\x00", 5000), "", false},      // UTF-16, and cut
		{"a\x00🙂"[:2] + "\x3d\xd8", "", false},          // cut within a pair
		{"\xff\xfe\x00\x00\x41\x00\x00\x00", "", false}, // UTF-32
		{"\xff\xfe\x00\x01", "", false},
		{"\xef\xbb\xbf\x00", "", true},
		{"\x00\x01", "", true},
		{"\x00\x01", "utf-16be", false}, // the user knows
		{"a\x00b", "latin1", true},
		{"%PDF-1.4 then only text", "", true},
		{"\x1f\x8b\x08", "utf-16", true},
		{"\x85\x01\x0c\x03\xf9 encrypted", "", true},
		{"\x85\x01\x0c\x03\xf9 encrypted", "latin1", false},
		{"\x01\x02\x03 but \u00fc", "", false},
		{"\x1b[1mcaf\xe9\x1b[0m l\bls", "", false},
	}
	for _, test := range tests {
		if got := isBinary([]byte(test.head), test.encoding); got != test.want {
			t.Errorf("%.20q as %q: binary %v", test.head, test.encoding, got)
		}
	}
}

func TestWalkBinary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/image.png", "\x89PNG\r\n\x1a\n...")
	write(t, dir+"/rows.csv", "a,b\x00")
	write(t, dir+"/wide.txt", "\x00\x01")
	if got := collect(NewWalker(WalkOptions{}), []string{dir}, dir); got != "skip image.png: binary\nskip rows.csv: binary\nskip wide.txt: binary\n" {
		t.Errorf("found %s", got)
	}
	o := WalkOptions{Encoding: "utf-16be", Include: []string{"*.txt"}}
	if got := collect(NewWalker(o), []string{dir}, dir); got != "wide.txt\n" {
		t.Errorf("found %s", got)
	}
}

// Whatever the bytes, a text is read as UTF-8 or refused; forced encodings agree with the library's own decoders.
func FuzzText(f *testing.F) {
	for _, name := range []string{"", "utf-8", "utf-16", "shift_jis", "iso-2022-jp", "gb18030", "windows-1253"} {
		f.Add([]byte(french+"\r\n"), name)
		f.Add([]byte("\xff\xfea\x00\x00\xd8"), name)
		f.Add([]byte("\x1b$B5e\x80\x1b(B"), name)
	}
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		if name != "" && ValidEncoding(name) != nil {
			return
		}
		rec, err := readOne(t, from(Text, string(data)), ReadOptions{Encoding: name})
		var wrong *EncodingError
		switch {
		case errors.As(err, &wrong):
			if wrong.Offset < 0 || wrong.Offset >= int64(len(data)) {
				t.Errorf("offset %d of %d", wrong.Offset, len(data))
			}
		case err != nil && !errors.Is(err, ErrBinary):
			t.Error(err)
		case !utf8.ValidString(rec.Text) || strings.Contains(rec.Text, "\r"):
			t.Errorf("read %q", rec.Text)
		}
	})
}
