//go:build !linux || (!amd64 && !arm64)

package codes

import "os"

func readAt(f *os.File, b []byte, at int64) error {
	_, err := f.ReadAt(b, at)
	return err
}
