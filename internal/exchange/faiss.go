package exchange

import (
	"context"
	"errors"
	"io"
	"os"

	"sheaf/internal/faiss"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
)

// faissIndex is a Faiss index alone.
var faissIndex = Format{
	Name:       "faiss",
	Extensions: []string{".faiss"},
	ReadHelp:   "a Faiss index alone: the documents have an id and no text",
	WriteHelp:  "a Faiss index of the vectors alone",
	detect:     func(p candidate) bool { return len(p.head) >= 4 && faiss.IsIndexType(string(p.head[:4])) },
	open:       openIndex,
	write: func(o Output) ([]string, error) {
		return nil, o.file(func(w io.Writer) error {
			return langchain.WriteIndex(w, o.shape(), o.Documents, o.langchainDocuments())
		})
	},
}

func openIndex(ctx context.Context, in *Input, o Options) error {
	if o.TextsOnly {
		return hint.With(ErrNoTexts, "name the folder or the file that holds the texts too")
	}
	path := in.path
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = langchain.IndexFile(path, o.IndexName)
	}
	x, err := langchain.OpenIndex(ctx, path, o.Options)
	if unreadable := (*faiss.UnreadableError)(nil); errors.As(err, &unreadable) {
		return hint.With(err, "import the folder or the byte string that has the texts too, with --reembed --embedder NAME")
	}
	if err != nil {
		return err
	}
	in.closers = append(in.closers, x.Close)
	in.describe(x)
	in.Total, in.Remarks = int(x.Ntotal), x.Remarks
	in.documents = numbered(path, x.Vectors(), x.Label)
	return nil
}
