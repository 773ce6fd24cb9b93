package words_test

import (
	"strings"
	"testing"

	"sheaf/internal/words"
)

const prose = `The store is opened for reading; it never writes there, except that SQLite undoes what a killed writer left half done. parse_http_header in src/net/http.c failed with E0425. `

const japanese = `吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。`

const russian = `Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. Всё смешалось в доме Облонских. `

func BenchmarkAppend(b *testing.B) {
	for name, text := range map[string]string{"prose": prose, "japanese": japanese, "russian": russian} {
		b.Run(name, func(b *testing.B) {
			var t words.Tokenizer
			text := strings.Repeat(text, 10)
			tokens := t.Append(nil, text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				tokens = t.Append(tokens[:0], text)
			}
		})
	}
}
