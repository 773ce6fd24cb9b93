package faiss

import "fmt"

// Metric says how two vectors are compared. The values are Faiss's own.
type Metric int32

const (
	InnerProduct Metric = 0 // higher is nearer
	L2           Metric = 1 // squared Euclidean distance, lower is nearer
)

// MetricFor returns the metric of a store: L2 where it keeps distances, else InnerProduct.
func MetricFor(distances bool) Metric {
	if distances {
		return L2
	}
	return InnerProduct
}

// metricNames has all metrics of Faiss.
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

// known reports whether Faiss has the metric.
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
