package embed

import (
	"context"

	"sheaf/internal/progress"
)

// Forecast is what embedding some texts would cost.
type Forecast struct {
	Requests, Tokens int
	Errs             map[int]error // as in Result
	Cut              map[int]int
}

// Forecaster is an Embedder that can tell the cost of texts without embedding them.
type Forecaster interface {
	Forecast(texts []string) Forecast
}

// forecast asks e, or assumes that a call is one request.
func forecast(e Embedder, texts []string) Forecast {
	if f, ok := e.(Forecaster); ok {
		return f.Forecast(texts)
	}
	return Forecast{Requests: 1}
}

// Dry returns an embedder that counts in stats what e would do, and embeds nothing: its
// vectors have no numbers.
func Dry(e Embedder, stats *progress.Counter) Embedder { return &dry{e, stats} }

type dry struct {
	Embedder
	stats *progress.Counter
}

func (d *dry) Embed(_ context.Context, texts []string) (Result, error) {
	f := forecast(d.Embedder, texts)
	r := Result{Vectors: make([][]float32, len(texts)), Errs: f.Errs, Cut: f.Cut}
	sent := 0
	for i := range texts {
		if f.Errs[i] == nil {
			r.Vectors[i] = []float32{}
			sent++
		}
	}
	d.stats.AddRequests(f.Requests, sent, f.Tokens)
	return r, nil
}

// Forecast implements Forecaster.
func (p *prompted) Forecast(texts []string) Forecast { return forecast(p.Embedder, p.before(texts)) }
