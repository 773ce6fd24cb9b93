package exchange

import (
	"context"

	"sheaf/internal/store"
)

// sheafStore is another store, which is only read.
var sheafStore = Format{
	Name:     "sheaf",
	Several:  true,
	ReadHelp: "another store",
	detect:   func(p candidate) bool { return p.folder && store.Is(p.path) },
	open: func(ctx context.Context, in *Input, o Options) error {
		snap, stop, err := o.OpenStore(ctx, in.path)
		if err != nil {
			return err
		}
		in.closers = append(in.closers, stop)
		in.Facts, in.Dim, in.Metric, in.Total = snap.Facts, snap.Facts.Dim, string(snap.Facts.Metric), int(snap.Documents)
		in.documents = snap.Transfers
		return nil
	},
}
