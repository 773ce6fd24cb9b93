package filter_test

import "testing"

func TestShortForm(t *testing.T) {
	t.Parallel()
	tests := []struct {
		filter  string
		yes, no []string
	}{
		{`page=1`, []string{`{"page":1}`, `{"page":"1"}`, `{"page":1.0}`, `{"page":true}`}, []string{`{"page":"1.0"}`, `{"page":[1]}`, `{}`}},
		{`page!=1`, []string{`{"page":2}`, `{"page":"01"}`, `{}`}, []string{`{"page":1}`, `{"page":"1"}`}},
		{` page = 1 `, []string{`{"page":1}`}, []string{`{" page ":1}`}},
		{`zip="01"`, []string{`{"zip":"01"}`}, []string{`{"zip":1}`, `{"zip":"\"01\""}`}},
		{`zip=01`, []string{`{"zip":"01"}`}, []string{`{"zip":1}`}},
		{`draft=true`, []string{`{"draft":true}`, `{"draft":"true"}`, `{"draft":1}`}, []string{`{"draft":"True"}`}},
		{`lang=null`, []string{`{}`, `{"lang":null}`, `{"lang":"null"}`}, []string{`{"lang":""}`}},
		{`lang=`, []string{`{"lang":""}`}, []string{`{}`}},
		{`lang!=`, []string{`{"lang":"en"}`, `{}`}, []string{`{"lang":""}`}},
		{`lang!=en`, []string{`{"lang":"de"}`, `{}`}, []string{`{"lang":"en"}`}},
		{`url=https://x/?a=b&c!=d`, []string{`{"url":"https://x/?a=b&c!=d"}`}, []string{`{}`}},
		{`tags=["a"]`, []string{`{"tags":"[\"a\"]"}`}, []string{`{"tags":["a"]}`, `{"tags":"a"}`}},
		{`owner.name=ann`, []string{`{"owner":{"name":"ann"}}`, `{"owner.name":"ann"}`}, []string{`{"owner":"ann"}`}},
		{`Straße=Größe`, []string{`{"Straße":"Größe"}`}, []string{`{"Straße":"Grösse"}`}},

		{`page>=3`, []string{`{"page":3}`, `{"page":"3"}`, `{"page":" 4.5 "}`, `{"page":"+3e0"}`, `{"page":"10"}`}, []string{`{"page":2}`, `{"page":"2"}`, `{"page":"three"}`, `{"page":"0x10"}`, `{"page":"inf"}`, `{"page":""}`, `{"page":null}`, `{}`}},
		{`page<9007199254740993`, []string{`{"page":"9007199254740992"}`}, []string{`{"page":"9007199254740993"}`, `{"page":"9007199254740993.0e1"}`}},
		{`page>0`, []string{`{"page":"18446744073709551616"}`, `{"page":".5"}`}, []string{`{"page":"-1"}`, `{"page":"1_000"}`}},
		{`date<2024-05-01`, []string{`{"date":"2024-04-30"}`}, []string{`{"date":"2024-05-01"}`, `{"date":2023}`}},
		{`date>"2024"`, []string{`{"date":"2024-05"}`, `{"date":"3"}`}, []string{`{"date":2025}`, `{"date":"10000"}`}},

		{`source~docs/**/*.md`, []string{`{"source":"docs/a.md"}`, `{"source":"docs/a/b.md"}`}, []string{`{"source":"docs/a.txt"}`, `{"source":"x/docs/a.md"}`}},
		{`source~*.md`, []string{`{"source":"a.md"}`}, []string{`{"source":"docs/a.md"}`}},
		{`page~1`, []string{`{"page":"1"}`}, []string{`{"page":1}`}},
		{`title=~^Intro`, []string{`{"title":"Introduction"}`}, []string{`{"title":"An Introduction"}`}},
		{`title=~(?i)intro`, []string{`{"title":"An Introduction"}`}, nil},
		{`band=rock and roll`, []string{`{"band":"rock and roll"}`}, nil},
		{`title=a, b`, []string{`{"title":"a, b"}`}, nil},
		{`note="x, y=1"`, []string{`{"note":"x, y=1"}`}, nil},
		{`version>=1.10.2`, []string{`{"version":"1.2"}`}, []string{`{"version":"0.9"}`}},
		{`version<"0a"`, []string{`{"version":"0"}`}, []string{`{"version":"0b"}`}},
		{`version<"9a"`, []string{`{"version":"9"}`}, []string{`{"version":"9b"}`}},
		{`page<.5`, []string{`{"page":0.4}`, `{"page":"+.4"}`}, []string{`{"page":0.5}`}},
		{`name>"m"`, []string{`{"name":"n"}`}, []string{`{"name":"a"}`}},
		{`title=~" x"`, []string{`{"title":"a x"}`}, []string{`{"title":"ax"}`}},
	}
	for _, tt := range tests {
		check(t, tt.filter, tt.yes, tt.no)
	}
}
