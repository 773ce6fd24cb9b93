package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
	"sheaf/internal/metadata"
	"sheaf/internal/seq"
)

// langchainFolder is what LangChain's save_local writes.
var langchainFolder = Format{
	Name:    "langchain",
	Several: true,
	ReadHelp: `a folder with index.faiss and index.pkl, written by save_local
of any version of LangChain`,
	WriteHelp: `a folder with index.faiss and index.pkl, as LangChain's save_local
writes it (the default); every LangChain from 0.0.350 on loads it`,
	detect: func(p candidate) bool { return p.folder },
	open: func(ctx context.Context, in *Input, o Options) error {
		s, err := langchain.OpenFolder(ctx, in.path, o.IndexName, o.Options)
		if err != nil {
			return explainFolder(err, in.path, o.IndexName)
		}
		in.openLangchain(ctx, s)
		return nil
	},
	write: func(o Output) ([]string, error) {
		_, err := langchain.WriteFolder(o.Path, o.IndexName, o.shape(), o.langchainDocuments())
		return o.loadRemarks("load_local"), err
	},
}

// langchainBytes is what LangChain's serialize_to_bytes returns.
var langchainBytes = Format{
	Name:       "bytes",
	Extensions: []string{".bin", ".pkl", ".pickle"},
	ReadHelp:   "what serialize_to_bytes returned",
	WriteHelp:  "what LangChain's serialize_to_bytes returns",
	detect: func(p candidate) bool {
		const pickleProto = "\x80"
		return strings.HasPrefix(string(p.head), pickleProto)
	},
	open: func(ctx context.Context, in *Input, o Options) error {
		s, err := langchain.OpenBytes(ctx, in.path, o.Options)
		if err == nil {
			in.openLangchain(ctx, s)
		}
		return err
	},
	write: func(o Output) ([]string, error) {
		return o.loadRemarks("deserialize_from_bytes"), o.file(func(w io.Writer) error {
			return langchain.WriteBytes(w, o.shape(), o.Documents, o.langchainDocuments)
		})
	},
}

func (in *Input) openLangchain(ctx context.Context, s *langchain.Store) {
	in.closers = append(in.closers, s.Close)
	if s.Index != nil {
		in.describe(s.Index)
	}
	in.Total, in.Remarks = s.Len(), s.Remarks
	in.documents = seq.Map(s.Documents(ctx), func(d langchain.Document) engine.Transfer {
		return engine.Transfer{Document: engine.Document{ID: d.ID, Text: d.Text, Metadata: metadata.Raw(d.Metadata), StartIndex: -1, Vector: d.Vector}}
	})
}

// describe takes what an index tells of a store. One that normalizes vectors and questions
// makes a store that does.
func (in *Input) describe(x *langchain.Index) {
	in.Dim, in.Metric, in.Facts.Normalize = x.Dim, x.Metric.String(), x.Transform == faiss.Normalized
}

// ReembedHint is the way out where texts can be read and their vectors cannot.
const ReembedHint = "--reembed --embedder NAME makes the vectors anew from the texts"

// errUnknownFolder is the error of a folder that has the files of no format.
var errUnknownFolder = errors.New("a folder without files that are known: index.faiss and index.pkl (LangChain), faiss.index and docstore.json (LangChain.js), " +
	"default__vector_store.json and docstore.json (LlamaIndex), sheaf.db (a store)")

// explainFolder adds the way out where a folder lacks one of the two files.
func explainFolder(err error, dir, indexName string) error {
	other := (*langchain.IndexNameError)(nil)
	switch {
	case errors.As(err, &other):
		var names []string
		for _, name := range other.Others[:min(len(other.Others), 5)] {
			names = append(names, fmt.Sprintf("--index-name %q", name))
		}
		return hint.With(err, "name the index: %s", strings.Join(names, " or "))
	case !errors.Is(err, fs.ErrNotExist):
	case exists(langchain.IndexFile(dir, indexName)):
		return hint.With(err, "--format faiss imports the vectors alone, without texts and ids")
	case exists(langchain.DocumentsFile(dir, indexName)):
		return hint.With(err, ReembedHint)
	default:
		return hint.With(&langchain.FormatError{Path: dir, Err: errUnknownFolder}, otherPrograms)
	}
	return err
}

// shape returns what LangChain and Faiss call the vectors of the store.
func (o Output) shape() langchain.Shape {
	return langchain.Shape{Dim: o.Facts.Dim, Metric: faiss.MetricFor(o.Facts.Metric == engine.L2)}
}

func (o Output) langchainDocuments() iter.Seq2[langchain.Document, error] {
	return seq.Map(o.Transfers, func(t engine.Transfer) langchain.Document {
		return langchain.Document{ID: t.ID, Text: t.Text, Metadata: t.Metadata.JSON(), Vector: t.Vector}
	})
}

// loadRemarks returns what LangChain does not keep in its files and has to be told by the call
// that loads them.
func (o Output) loadRemarks(call string) (remarks []string) {
	if o.Facts.Metric != engine.L2 {
		remarks = append(remarks, "LangChain has to be told: "+call+"(…, distance_strategy=DistanceStrategy.MAX_INNER_PRODUCT)")
	}
	if o.Facts.Unit() {
		remarks = append(remarks, "LangChain has to be told: "+call+"(…, normalize_L2=True)")
	}
	return remarks
}
