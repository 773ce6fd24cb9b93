//go:build !linux

package transformer

import "golang.org/x/sys/unix"

const adviseLoad = unix.MADV_WILLNEED

func adviseLarge([]byte) {}
