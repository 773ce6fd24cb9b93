package loader

import (
	"fmt"
	"path/filepath"
	"testing"
)

func BenchmarkWalk(b *testing.B) {
	dir := b.TempDir()
	const files, perFolder = 20_000, 50
	write(b, filepath.Join(dir, ".gitignore"), "*.log\n/build/\nnode_modules/\n!keep.log\n**/cache/*.tmp\n")
	for i := range files {
		write(b, filepath.Join(dir, fmt.Sprintf("d%d/f%d.txt", i/perFolder, i)), english)
	}
	for b.Loop() {
		n := 0
		for f := range Walk(b.Context(), []string{dir}, WalkOptions{}) {
			if f.Err != nil || f.Skip != "" {
				b.Fatal(f)
			}
			n++
		}
		if n != files {
			b.Fatal(n)
		}
	}
	b.ReportMetric(files, "files/op")
}
