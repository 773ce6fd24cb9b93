package openai

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	protocol "github.com/sashabaranov/go-openai"
	"github.com/tiktoken-go/tokenizer/codec"
)

// What OpenAI's embedding models take.
const (
	openAITextTokens = 8191
	requestTokens    = 300_000
)

// longestToken is the length in bytes of the longest token there is: 128 blanks.
const longestToken = 128

// cl100k is the encoding of OpenAI's embedding models. Its table takes about 10 ms
// and 10 MB, so it is made when a text must be counted for the first time. Most
// texts need not be counted: a token is at least one byte, so a text fits that has no
// more bytes than there may be tokens.
var cl100k = sync.OnceValue(codec.NewCl100kBase)

// countTokens returns how many tokens OpenAI makes of a text, or where the encoding
// fails an upper bound.
func countTokens(text string) int {
	n, err := cl100k().Count(text)
	if err != nil {
		return len(text)
	}
	return n + strings.Count(text, "\x7f") // which the library leaves out
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
		// Without what follows it, the end of the text may make more tokens.
		if cut := text[:end]; countTokens(cut) <= limit {
			return cut
		}
	}
	return ""
}

// textTokens returns how many tokens a model takes of a text; 0: only its service
// knows. Services that pass requests on to OpenAI put their own name before the
// model's: "openai/text-embedding-3-small".
func textTokens(model string) int {
	switch protocol.EmbeddingModel(model[strings.LastIndex(model, "/")+1:]) {
	case protocol.SmallEmbedding3, protocol.LargeEmbedding3, protocol.AdaEmbeddingV2:
		return openAITextTokens
	}
	return 0
}

// TooLongError is a text that has more tokens than the model takes.
type TooLongError struct {
	Model         string
	Tokens, Limit int
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("the text has %d tokens and %s takes %d: make smaller chunks, or let --truncate shorten it", e.Tokens, e.Model, e.Limit)
}
