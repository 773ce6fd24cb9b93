// Sheaf makes any pile of text searchable by meaning from the shell.
package main

import (
	"context"
	"os"

	"sheaf/cmd"
	_ "sheaf/internal/prefault" // a constructor and an option of the linker
)

func main() {
	ctx, stop := cmd.Interruptible(context.Background())
	code := cmd.Main(ctx, os.Args[1:], cmd.Standard())
	stop()
	os.Exit(code)
}
