package cmd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/kernel"
)

func newInfoCmd(env *environment) *cobra.Command {
	return &cobra.Command{
		Annotations: takesManyStores,
		Use:         "info",
		Short:       "Print counts, sizes and facts of a store",
		Long: `Print what a store holds and what is fixed for its life: embedder, dim, metric,
whether its vectors have length 1, and whether it has an index of words; of a
collection of Weaviate also what can be relied on less than in a folder.` + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf info
  sheaf info --json`,
		PreRunE: func(_ *cobra.Command, args []string) error { return noArgs("info", args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runInfo(c.Context(), env) },
	}
}

func runInfo(ctx context.Context, env *environment) error {
	return env.withStores(ctx, func(s catalog) error {
		if several, ok := s.(*union); ok {
			return env.printInfos(ctx, several.parts)
		}
		return env.printInfo(ctx, s)
	})
}

// printInfos prints what is to be known of several stores, one after the other.
func (env *environment) printInfos(ctx context.Context, parts []part) error {
	all := make([]storeInfo, len(parts))
	for i, s := range parts {
		info, err := s.Info(ctx)
		if err != nil {
			return err
		}
		all[i] = newStoreInfo(s.name, info)
	}
	return env.print(outputFlags{}, func(p *printer) error {
		if p.form == formJSON {
			return p.object(map[string][]storeInfo{"stores": all})
		}
		for i, one := range all {
			if i > 0 && p.form != formJSONL {
				p.WriteByte('\n')
			}
			if err := p.fields(one, one.fields()); err != nil {
				return err
			}
		}
		return nil
	})
}

// storeInfo is the answer of info and init.
type storeInfo struct {
	Store         string     `json:"store"`
	FormatVersion int        `json:"format_version"`
	Embedder      string     `json:"embedder"`
	Dim           int        `json:"dim"`
	Metric        string     `json:"metric"`
	Normalized    bool       `json:"normalized"`
	Words         bool       `json:"words"`
	Documents     int64      `json:"documents"`
	Sources       int64      `json:"sources"`
	DeadRows      int64      `json:"dead_rows"`
	Bytes         int64      `json:"bytes"`
	Index         indexInfo  `json:"index"`
	Codes         codesInfo  `json:"codes"`
	Lists         *listsInfo `json:"lists,omitempty"`
	CPU           cpuInfo    `json:"cpu"`
	Weaker        []string   `json:"weaker,omitempty"` // than what can be relied on in a folder
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
}

type indexInfo struct {
	Type       string `json:"type"`
	File       string `json:"file"`
	Partitions int64  `json:"partitions,omitempty"` // of a table

	Approximate string `json:"approximate,omitempty"` // by which searches of a table go
	Pending     bool   `json:"pending,omitempty"`     // that is not made yet
}

func (i indexInfo) String() string {
	kind := i.Type
	if i.Approximate != "" {
		kind += ", " + i.Approximate
	}
	if i.Pending {
		kind += " when there are enough documents"
	}
	return fmt.Sprintf("%s (%s)", kind, i.File)
}

type codesInfo struct {
	File string `json:"file"`
	Rows int64  `json:"rows"`
}

func (i codesInfo) String() string {
	if i.File == "" {
		return "none"
	}
	return fmt.Sprintf("of %s (%s)", count(i.Rows, "row"), i.File)
}

type cpuInfo struct {
	Kernel string `json:"kernel"`
}

func newStoreInfo(dir string, i engine.Info) storeInfo {
	embedder := i.Embedder
	if embedder == "" {
		embedder = embed.None
	}
	return storeInfo{
		dir, i.FormatVersion, embedder, i.Dim, string(i.Metric), i.Normalized, !i.NoWords, i.Documents, i.Sources, i.DeadRows, i.Bytes,
		indexInfo{i.IndexType, i.IndexFile, i.Partitions, i.Approximate, i.Pending}, codesInfo{i.CodesFile, i.CodedRows}, newListsInfo(i.Lists), cpuInfo{kernel.Chosen().String()}, i.Weaker, i.CreatedAt.UTC(), i.UpdatedAt.UTC(),
	}
}

func (env *environment) printInfo(ctx context.Context, s catalog) error {
	info, err := s.Info(ctx)
	if err != nil {
		return err
	}
	err = env.print(outputFlags{}, func(p *printer) error {
		i := newStoreInfo(env.config.Store, info)
		return p.fields(i, i.fields())
	})
	switch {
	case err != nil:
	case worthCompacting(info):
		env.say("%s of deleted documents, %s: sheaf compact drops them", count(info.DeadRows, "row"), megabytes(deadBytes(info)))
	case info.Lists != nil && info.Lists.Damage != nil:
		env.say("without its approximate index all searches are exact: sheaf tune --index makes another, sheaf check --repair forgets it")
	case info.Lists != nil && info.Lists.Stale:
		env.say("the lists were measured with other rows: sheaf compact makes them anew by the same questions, sheaf tune --index by others")
	}
	return err
}

// The share and the bytes of dead rows from which on compact is recommended. A
// search reads dead rows too: with a fifth of them it takes a quarter longer. Below
// 16 MB neither the time, some two milliseconds, nor the space matters.
const (
	deadShare      = 0.2
	deadBytesNoted = 16 << 20
)

func worthCompacting(i engine.Info) bool {
	return float64(i.DeadRows) >= deadShare*float64(i.DeadRows+i.Documents) && deadBytes(i) >= deadBytesNoted
}

// deadBytes returns the size of the dead rows in the index file.
func deadBytes(i engine.Info) int64 { return 4 * int64(i.Dim) * i.DeadRows }

func (i storeInfo) fields() []field {
	all := []field{
		{"store", i.Store},
		{"format version", strconv.Itoa(i.FormatVersion)},
		{"embedder", i.Embedder},
		{"dim", strconv.Itoa(i.Dim)},
		{"metric", i.Metric},
		{"normalized", strconv.FormatBool(i.Normalized)},
		{"words", strconv.FormatBool(i.Words)},
		{"documents", strconv.FormatInt(i.Documents, 10)},
		{"sources", strconv.FormatInt(i.Sources, 10)},
		{"dead rows", strconv.FormatInt(i.DeadRows, 10)},
		{"bytes", strconv.FormatInt(i.Bytes, 10)},
		{"index", i.Index.String()},
		{"codes", i.Codes.String()},
		{"lists", i.Lists.String()},
		{"kernel", i.CPU.Kernel},
		{"created at", i.CreatedAt.Format(time.RFC3339)},
		{"updated at", i.UpdatedAt.Format(time.RFC3339)},
	}
	for _, one := range i.Weaker {
		all = append(all, field{"weaker", one})
	}
	if i.Lists == nil {
		all = slices.DeleteFunc(all, func(f field) bool { return f.name == "lists" })
	}
	return all
}
