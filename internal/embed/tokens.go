package embed

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/sashabaranov/go-openai"
	"github.com/tiktoken-go/tokenizer/codec"
)

// What OpenAI's embedding models take.
const (
	maxInputTokens   = 8191
	maxRequestTokens = 300_000
)

// longestToken is the length in bytes of the longest token there is: 128 blanks.
const longestToken = 128

// cl100k is the encoding of OpenAI's embedding models. Its table takes some 10 ms
// and 10 MB, so it is made when a text must be counted for the first time.
// Most never are: a token is at least one byte, so a text of no more bytes than
// there may be tokens fits in any case.
var cl100k = sync.OnceValue(codec.NewCl100kBase)

// countTokens returns how many tokens OpenAI makes of a text. Where the encoding
// fails, it is as many as there can be.
func countTokens(text string) int {
	n, err := cl100k().Count(text)
	if err != nil {
		return len(text)
	}
	return n + strings.Count(text, "\x7f") // which the encoding passes over
}

// firstTokens returns the longest beginning of a text that ends between two
// tokens and two characters and has at most limit tokens by itself.
func firstTokens(text string, limit int) string {
	if countTokens(text) <= limit {
		return text
	}
	_, tokens, err := cl100k().Encode(text[:min(len(text), limit*longestToken)])
	if err != nil {
		tokens = strings.Split(text[:min(len(text), limit)], "")
	}
	for n := min(limit, len(tokens)); n > 0; n-- {
		end := 0
		for _, token := range tokens[:n] {
			end += len(token)
		}
		if end < len(text) && !utf8.RuneStart(text[end]) {
			continue
		}
		// What is left may be cut up in another way at its end.
		if cut := text[:end]; countTokens(cut) <= limit {
			return cut
		}
	}
	return ""
}

// inputTokens is how many tokens a text for a model may have; 0: nobody but its
// service knows. Services that pass requests on to OpenAI put their own name
// before the model's: "openai/text-embedding-3-small".
func inputTokens(model string) int {
	switch openai.EmbeddingModel(model[strings.LastIndex(model, "/")+1:]) {
	case openai.SmallEmbedding3, openai.LargeEmbedding3, openai.AdaEmbeddingV2:
		return maxInputTokens
	}
	return 0
}

// TooLongError is a text of which the model cannot take all.
type TooLongError struct {
	Model         string
	Tokens, Limit int
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("the text has %d tokens and %s takes %d: make smaller chunks, or let --truncate shorten it", e.Tokens, e.Model, e.Limit)
}
