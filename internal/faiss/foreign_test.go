package faiss

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestForeign(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		metric Metric
		exact  bool
	}{
		"flat_ip": {InnerProduct, true},
		"sq8_l2":  {L2, false},
		"hnsw_l1": {2, true},
	} {
		x, err := openForeign(t, readTestdata(t, name))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		if x.D != 4 || x.Ntotal != 3 || x.Metric != want.metric || x.Exact != want.exact || !slices.Equal(x.Labels, []int64{0, 1, 2}) {
			t.Errorf("%s: %+v", name, x)
		}
		v, err := x.Decode(1, 2)
		if err != nil || len(v) != 8 || math.Abs(float64(v[0])-4) > 0.1 || math.Abs(float64(v[7])-11) > 0.1 {
			t.Errorf("%s: rows 1 and 2 are %v, %v", name, v, err)
		}
	}
}

func TestForeignTransforms(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		transform Transform
		exact     bool
	}{
		"l2norm_l2": {Normalized, true}, "pca_l2": {Shortened, false}, "rotated_ip": {AsTheyAre, false}, "flat_l2": {AsTheyAre, true},
	} {
		x, err := openForeign(t, readTestdata(t, name))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		if x.Transform != want.transform || x.Exact != want.exact {
			t.Errorf("%s: %+v", name, x)
		}
	}
	for name, problem := range map[string]string{
		"pca_ip":        "it changes inner products in a way that cannot be undone",
		"l2norm_pca_l2": "it changes which vectors are near in a way that cannot be undone",
		"whitened_l2":   "it changes which vectors are near in a way that cannot be undone",
	} {
		_, err := openForeign(t, readTestdata(t, name))
		checkError(t, err, problem)
	}
}

func TestForeignRefuses(t *testing.T) {
	t.Parallel()
	x, err := openForeign(t, readTestdata(t, "flat_l2"))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := x.Decode(3, 0); err != nil || len(v) != 0 {
		t.Errorf("decoding nothing: %v, %v", v, err)
	}
	for _, r := range [][2]int64{{-1, 1}, {3, 1}, {2, 2}, {0, -1}, {0, math.MaxInt64}, {math.MaxInt64, 1}} {
		_, err := x.Decode(r[0], r[1])
		checkError(t, err, "index holds 3")
	}
	x.Close()
	x.Close()
	_, err = x.Decode(0, 1)
	checkError(t, err, "closed")

	whole := readTestdata(t, "flat_l2")
	for n := range whole {
		_, err := openForeign(t, whole[:n])
		checkError(t, err, "it ends too early")
	}
	_, err = openForeign(t, []byte("nonsense, and enough of it"))
	checkError(t, err, "not recognized")
	_, err = openForeign(t, Header{D: 1, Ntotal: 1 << 50, Metric: L2}.Append(nil))
	checkError(t, err, "")
}

// openForeign opens an index that stands behind one byte of a file.
func openForeign(t *testing.T, b []byte) (*Foreign, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.faiss")
	if err := os.WriteFile(path, append([]byte{0}, b...), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return OpenForeign(f, 1, int64(len(b)))
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if v := Version(); strings.Count(v, ".") != 2 || strings.Contains(v, "FAISS") {
		t.Errorf("Version() = %q", v)
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want one with %q", err, want)
	}
}
