package faiss

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"sheaf/internal/vector"
)

// FileHeader is the common part of the header of index files of all types.
type FileHeader struct {
	Type   string // the C++ class, such as "IndexIVFFlat"
	D      int
	Ntotal int64
	Metric Metric // maybe one that sheaf does not compare by
	// Floats is the offset of the rows of an IndexFlat; 0 for any other type.
	Floats int64
}

// indexTypes maps the type codes of the indexes that Faiss can reconstruct
// vectors from to the C++ classes.
var indexTypes = map[string]string{
	fourccL2: "IndexFlatL2", fourccIP: "IndexFlatIP", fourccFlat: "IndexFlat",
	"IxMp": "IndexIDMap", "IxM2": "IndexIDMap2", "IxPT": "IndexPreTransform", "IxRF": "IndexRefineFlat",
	"IxSQ": "IndexScalarQuantizer", "IxPQ": "IndexPQ", "IxPq": "IndexPQ", "IxPo": "IndexPQ",
	"IvFl": "IndexIVFFlat", "IwFl": "IndexIVFFlat", "IwSQ": "IndexIVFScalarQuantizer", "IwSq": "IndexIVFScalarQuantizer",
	"IvPQ": "IndexIVFPQ", "IwPQ": "IndexIVFPQ", "IvQR": "IndexIVFPQR", "IwQR": "IndexIVFPQR",
	"IHNf": "IndexHNSWFlat", "IHNs": "IndexHNSWSQ", "IHNp": "IndexHNSWPQ",
	"INSf": "IndexNSGFlat", "INSs": "IndexNSGSQ", "INSp": "IndexNSGPQ",
}

// unreadable maps the type codes of other indexes, of newer versions of Faiss
// too, to the C++ classes: vectors cannot be reconstructed from them, or are not
// meant to be compared by L2 or inner product.
var unreadable = map[string]string{
	"IxHe": "IndexLSH", "IxHE": "IndexLSH", "Imiq": "MultiIndexQuantizer", "IHN2": "IndexHNSW2Level", "IPfs": "IndexPQFastScan",
	"IwPf": "IndexIVFPQFastScan", "IwSh": "IndexIVFSpectralHash", "IwIQ": "IndexIVFIndependentQuantizer",
	"IxRQ": "IndexResidualQuantizer", "IxRq": "IndexResidualQuantizer", "IwRQ": "IndexIVFResidualQuantizer",
	"IxLS": "IndexLocalSearchQuantizer", "IwLS": "IndexIVFLocalSearchQuantizer", "IxPR": "IndexProductResidualQuantizer",
	"IwPR": "IndexIVFProductResidualQuantizer", "IxPL": "IndexProductLocalSearchQuantizer", "IwPL": "IndexIVFProductLocalSearchQuantizer",
	"Ixrq": "IndexRaBitQ", "Iwrq": "IndexIVFRaBitQ", "IwFd": "IndexIVFFlatDedup", "Ix2L": "Index2Layer", "IxLa": "IndexLattice",
	"IBxF": "IndexBinaryFlat", "IBwF": "IndexBinaryIVF", "IBHf": "IndexBinaryHNSW", "IBMp": "IndexBinaryIDMap", "null": "no index",
}

const (
	fourccFlat = "IxFl" // an IndexFlat with a metric of any kind
	// commonSize is the size of what all headers begin with, up to the metric.
	commonSize = 37
	// Metrics above metricArgs are followed by an argument of 4 bytes.
	metricArgs = 1
	// maxDim bounds the dim of an index that the library reads.
	maxDim = 1 << 16
)

// UnreadableError reports an index type that vectors cannot be reconstructed from.
type UnreadableError struct{ Type string }

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("an index of type %s holds no vectors that can be read back", e.Type)
}

// ReadFileHeader reads the header of an index file of size bytes. Unknown types,
// and sizes that do not fit the file, are errors. The header of an IndexFlat is
// checked whole, that of other types as far as all have it in common.
func ReadFileHeader(r io.ReaderAt, size int64) (FileHeader, error) {
	b := make([]byte, min(size, HeaderSize+4))
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, int64(len(b))), b); err != nil {
		return FileHeader{}, err
	}
	if len(b) < 4 {
		return FileHeader{}, fmt.Errorf("%d bytes are no index", len(b))
	}
	fourcc := string(b[:4])
	if name, ok := unreadable[fourcc]; ok {
		return FileHeader{}, &UnreadableError{name}
	}
	name, ok := indexTypes[fourcc]
	switch {
	case !ok:
		return FileHeader{}, fmt.Errorf("starts with %q, which is no type of index", fourcc)
	case len(b) < HeaderSize:
		return FileHeader{}, fmt.Errorf("ends after %d bytes, within its header", len(b))
	}
	h := FileHeader{
		Type:   name,
		D:      int(int32(binary.LittleEndian.Uint32(b[4:]))),
		Ntotal: int64(binary.LittleEndian.Uint64(b[8:])),
		Metric: Metric(binary.LittleEndian.Uint32(b[33:])),
	}
	switch {
	case h.D < 1 || h.D > maxDim:
		return h, fmt.Errorf("dim %d", h.D)
	case h.Ntotal < 0 || h.Ntotal > size: // a vector takes a byte at least
		return h, fmt.Errorf("%d vectors in %d bytes", h.Ntotal, size)
	case b[32] != 1:
		return h, fmt.Errorf("is_trained is %d, not 1", b[32])
	case !h.Metric.known():
		return h, fmt.Errorf("%v", h.Metric)
	}
	if fourcc == fourccL2 || fourcc == fourccIP || fourcc == fourccFlat {
		return h, h.flat(fourcc, b, size)
	}
	return h, nil
}

// flat checks the rest of the header of an IndexFlat and sets Floats.
func (h *FileHeader) flat(fourcc string, b []byte, size int64) error {
	if fourcc != fourccFlat && fourcc != h.Metric.fourcc() {
		return fmt.Errorf("%q with metric %v", fourcc, h.Metric)
	}
	at := commonSize
	if h.Metric > metricArgs {
		at += 4
	}
	if len(b) < at+8 {
		return fmt.Errorf("ends after %d bytes, within its header", len(b))
	}
	floats := binary.LittleEndian.Uint64(b[at:])
	h.Floats = int64(at) + 8
	switch {
	case h.Ntotal > (math.MaxInt64-h.Floats)/(vector.Size*int64(h.D)) || floats != uint64(h.Ntotal)*uint64(h.D):
		return fmt.Errorf("%d floats for %d rows of dim %d", floats, h.Ntotal, h.D)
	case h.End() > size:
		return fmt.Errorf("%d bytes, need %d for %d rows of dim %d", size, h.End(), h.Ntotal, h.D)
	}
	return nil
}

// End returns the offset of the end of the rows of an IndexFlat.
func (h *FileHeader) End() int64 { return h.Floats + vector.Size*h.Ntotal*int64(h.D) }

// IsIndexType reports whether four bytes are the type code of an index.
func IsIndexType(fourcc string) bool {
	_, vectors := indexTypes[fourcc]
	_, other := unreadable[fourcc]
	return vectors || other
}
