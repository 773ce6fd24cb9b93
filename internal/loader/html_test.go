package loader

import (
	"slices"
	"strings"
	"testing"
)

func TestHTML(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, content, want string }{
		{"paragraphs", "<p>One\n  two.</p><p>Three&nbsp;&amp;&#233;</p>", "One two.\n\nThree &é"},
		{"headings", "<h1>Top</h1>text<h3>Low</h3><div>more</div>", "# Top\n\ntext\n\n### Low\n\nmore"},
		{"inline", "a <b>bold</b>, <i>slanted</i><code>c</code>", "a bold, slantedc"},
		{"lists", "<ul><li>one<li>two<ol><li>deep</ol></ul>after", "- one\n- two\n  - deep\n\nafter"},
		{"loose lists", "<ul><li><p>one</p></li><li><p>two</p></li></ul>", "- one\n\n- two"},
		{"tables", "<table><tr><th>k<th>v<tr><td><p>a</p><td>b</table>x", "k | v\na | b\n\nx"},
		{"definitions", "<dl><dt>word<dd>meaning</dl>", "word\nmeaning"},
		{"preformatted", "x<pre>\n  a\n\n    b &lt;\n</pre>y", "x\n\n  a\n\n    b <\n\ny"},
		{"breaks", "a<br>b<br/>c<hr>d", "a\nb\nc\nd"},
		{"unseen", "a<script>if (1 < 2) {}</script><style>p {}</style><!-- c --><p hidden>no</p><svg><text>no</text></svg>c", "ac"},
		{"hidden parts in parts", "<div hidden>a<div>b</div>c</div>d", "d"},
		{"a line that is hidden ends nothing", "<input hidden>a<br hidden>b", "a\nb"},
		{"empty headings and items", "<h2></h2><ul><li></li></ul>a", "a"},
		{"the title is metadata", "<html><head><title> The\n title</title></head><body>a</body></html>", "a"},
		{"attributes", `<p title="a>b" class='>' id=x>c<a href=http://e/?a=1&b>d</a><br/><img alt=">"/>e`, "cd\ne"},
		{"attributes like hidden", `<p data-x="hidden" aria-hidden=true>a<p class=hidden>b<p x = hidden>c`, "a\n\nb\n\nc"},
		{"declarations and comments", "<!DOCTYPE html><?xml a?>a<!-- <p> -- > -->b<!---->c<!x>", "abc"},
		{"raw text", "<script>a</p></scripts>b</SCRIPT >c<textarea><b>d</textarea>e", "c<b>de"},
		{"not closed", "a<script>b", "a"},
		{"ends early", "a<p class=\"b", "a"},
		{"no tag", "a < b <3 </ c> <", "a < b <3 </ c> <"},
		{"references", "&lt;p&gt; &#x41;&#66; &copy &nonsense;", "<p> AB © &nonsense;"},
		{"broken", "<p>a <b <c>d</p></div></ul></pre></td>e&amp", "a d\n\ne&"},
		{"nothing", "", ""},
	} {
		got := renderHTML(test.content)
		if got.Text != test.want {
			t.Errorf("%s:\n%q\nwant\n%q", test.name, got.Text, test.want)
		}
		if lines := strings.Count(got.Text, "\n") + 1; got.Text != "" && lines != len(got.Lines) {
			t.Errorf("%s: %d lines are placed, of %d", test.name, len(got.Lines), lines)
		}
	}
	if got := renderHTML("<title>The\n <b>title</title>").Metadata.String(); got != `{"title":"The <b>title"}` {
		t.Errorf("title: %s", got)
	}
}

// Lists in lists, as deep as a page is long, give twice the text where the page is twice as long.
func TestHTMLOfDeepListsIsLinear(t *testing.T) {
	t.Parallel()
	deep := func(n int) int { return len(renderHTML(strings.Repeat("<ul><li>x", n)).Text) }
	if once, twice := deep(2000), deep(4000); twice > 2*once+once/10 {
		t.Errorf("%d bytes of text, and %d for twice as much", once, twice)
	}
}

// Each line of the text knows its line in the file.
func TestHTMLLines(t *testing.T) {
	t.Parallel()
	content := "<html>\n<body>\n<h1>Top</h1>\n<p>one\ntwo</p>\n<pre>\na\n\nb\n</pre>\n<!-- a\ncomment -->\n<p\nclass=x>last</p>"
	got := renderHTML(content)
	want := []struct {
		line int
		text string
	}{{3, "# Top"}, {4, ""}, {4, "one two"}, {7, ""}, {7, "a"}, {9, ""}, {9, "b"}, {14, ""}, {14, "last"}}
	lines := strings.Split(got.Text, "\n")
	for i, w := range want {
		if i >= len(lines) || lines[i] != w.text || got.Lines[i] != w.line {
			t.Errorf("line %d: %q at %v, want %q at %d", i+1, lines[min(i, len(lines)-1)], got.Lines[i:], w.text, w.line)
		}
	}
}

func TestHTMLEncoding(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, content, want string }{
		{"declared", "<meta charset=windows-1251><p>\xcf\xf0\xe8\xe2\xe5\xf2</p>", "Привет"},
		{"declared for servers", `<META http-equiv="Content-Type" content="text/html; charset=iso-8859-2">` + "\xb9", "š"},
		{"UTF-8 whatever is declared", "<meta charset=latin1>é", "é"},
		{"marked", "\xef\xbb\xbf<meta charset=latin1>é", "é"},
		{"unknown", "<meta charset=nonsense>a", "a"},
	} {
		rec, err := readOne(t, from(HTML, test.content), ReadOptions{})
		if err != nil || rec.Text != test.want {
			t.Errorf("%s: %+v, %v", test.name, rec, err)
		}
	}
}

func FuzzHTML(f *testing.F) {
	for _, seed := range []string{"<p>a<b>c", "<ul><li><p>x</li><td><pre>\n\n</pre>", "<h1><title>x", "<div hidden><br></div>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		r := renderHTML(content)
		if r.Text != "" && strings.Count(r.Text, "\n")+1 != len(r.Lines) || !slices.IsSorted(r.Lines) {
			t.Errorf("%q at lines %v", r.Text, r.Lines)
		}
	})
}

func TestPages(t *testing.T) {
	t.Parallel()
	book := from(Text, "---\ntitle: Sea\npage: x\n---\none\ntwo\fthree\n\ffour\f\n")
	book.Name = "book.md"
	records, _, err := readAll(t, book, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		got = append(got, r.Text+" "+r.Metadata.String())
	}
	want := []string{`one` + "\n" + `two {"title":"Sea","page":1}`, "three\n" + ` {"title":"Sea","page":2}`, `four {"title":"Sea","page":3}`}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if last := records[2]; last.SkippedLines != 6 || last.SkippedRunes != 42 {
		t.Errorf("before the last page are %d lines and %d characters", last.SkippedLines, last.SkippedRunes)
	}
	if rec, err := readOne(t, from(Text, "\f"), ReadOptions{}); err != nil || rec.Text != "" {
		t.Errorf("a form feed alone: %+v, %v", rec, err)
	}
}
