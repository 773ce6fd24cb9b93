package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// copyVerb makes this program the loop that the writing of records into a table is measured
// beside: it reads JSONL by encoding/json and copies it by pgx, into a table that has ids, texts
// and vectors and no index but that of its key.
const copyVerb = "copy"

// bareTable is that table.
const bareTable = `CREATE TABLE bare (id text PRIMARY KEY, text text NOT NULL, vector vector(384) NOT NULL)`

// copyRecords copies the records of a file into the table, on a server whose socket is in a folder.
func copyRecords(ctx context.Context, folder, file string) error {
	c, err := pgx.Connect(ctx, "host="+folder+" user=sheaf dbname=postgres")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	var oid uint32
	if err := c.QueryRow(ctx, `SELECT oid FROM pg_type WHERE typname = 'vector'`).Scan(&oid); err != nil {
		return err
	}
	c.TypeMap().RegisterType(&pgtype.Type{Name: "vector", OID: oid, Codec: pgtype.ByteaCodec{}}) // its bytes as they are
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	_, err = c.CopyFrom(ctx, pgx.Identifier{"bare"}, []string{"id", "text", "vector"}, pgx.CopyFromFunc(func() ([]any, error) {
		if !lines.Scan() {
			return nil, lines.Err()
		}
		var r struct {
			ID, Text string
			Vector   []float32
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, err
		}
		x := binary.BigEndian.AppendUint32(nil, uint32(len(r.Vector))<<16)
		for _, v := range r.Vector {
			x = binary.BigEndian.AppendUint32(x, math.Float32bits(v))
		}
		return []any{r.ID, r.Text, x}, nil
	}))
	return err
}
