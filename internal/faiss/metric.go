package faiss

import (
	"fmt"
	"math"
)

// Metric says how two vectors are compared. The values are Faiss's own.
type Metric int32

const (
	InnerProduct Metric = 0 // higher is nearer
	L2           Metric = 1 // squared Euclidean distance, lower is nearer
)

// metricNames are the names of all metrics that Faiss has.
var metricNames = map[Metric]string{
	InnerProduct: "ip", L2: "l2", 2: "l1", 3: "linf", 4: "lp",
	20: "canberra", 21: "braycurtis", 22: "jensenshannon", 23: "jaccard", 24: "naneuclidean", 25: "gower",
}

func (m Metric) String() string {
	if name, ok := metricNames[m]; ok {
		return name
	}
	return fmt.Sprintf("metric %d", int32(m))
}

// known tells whether Faiss has the metric.
func (m Metric) known() bool {
	_, ok := metricNames[m]
	return ok
}

func (m Metric) check() error {
	if m != InnerProduct && m != L2 {
		return fmt.Errorf("%v is neither l2 (%d) nor ip (%d)", m, L2, InnerProduct)
	}
	return nil
}

// checkVectors returns how many vectors of dim d are in x, all of them finite.
func checkVectors(x []float32, d int) (int, error) {
	if len(x)%d != 0 {
		return 0, fmt.Errorf("%d floats are not whole vectors of dim %d", len(x), d)
	}
	for i, v := range x {
		if math.Float32bits(v)&exponentBits == exponentBits {
			return 0, fmt.Errorf("vector %d holds %v at position %d", i/d, v, i%d)
		}
	}
	return len(x) / d, nil
}

// exponentBits are all set in NaN and in both infinities, and in no other float32.
const exponentBits = 0x7f800000
