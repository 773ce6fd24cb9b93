package faulttest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// call is a system call on a file below the folder that is looked at.
type call struct {
	name    string
	changes bool // a file, a folder, or what of them is durable
}

// Where a system call has the file that it is about.
const (
	byDescriptor = iota // the first argument
	byPath              // the first argument
	byPathAt            // the second argument, below the folder of the first
)

const renameat2 = 316

// fileCalls are the system calls that are looked at, by number. Their names are
// those of families: a program is free to choose among the members.
var fileCalls = map[uint64]struct {
	call
	where int
}{
	syscall.SYS_WRITE:      {call{"write", true}, byDescriptor},
	syscall.SYS_WRITEV:     {call{"write", true}, byDescriptor},
	syscall.SYS_PWRITE64:   {call{"pwrite64", true}, byDescriptor},
	syscall.SYS_FSYNC:      {call{"fsync", true}, byDescriptor},
	syscall.SYS_FDATASYNC:  {call{"fdatasync", true}, byDescriptor},
	syscall.SYS_FTRUNCATE:  {call{"ftruncate", true}, byDescriptor},
	syscall.SYS_UNLINK:     {call{"unlink", true}, byPath},
	syscall.SYS_UNLINKAT:   {call{"unlink", true}, byPathAt},
	syscall.SYS_RENAME:     {call{"rename", true}, byPath},
	syscall.SYS_RENAMEAT:   {call{"rename", true}, byPathAt},
	renameat2:              {call{"rename", true}, byPathAt},
	syscall.SYS_MKDIR:      {call{"mkdir", true}, byPath},
	syscall.SYS_MKDIRAT:    {call{"mkdir", true}, byPathAt},
	syscall.SYS_OPEN:       {call{"openat", false}, byPath},
	syscall.SYS_OPENAT:     {call{"openat", false}, byPathAt},
	syscall.SYS_FCNTL:      {call{"fcntl", false}, byDescriptor},
	syscall.SYS_FLOCK:      {call{"flock", false}, byDescriptor},
	syscall.SYS_READ:       {call{"read", false}, byDescriptor},
	syscall.SYS_PREAD64:    {call{"pread64", false}, byDescriptor},
	syscall.SYS_GETDENTS64: {call{"getdents64", false}, byDescriptor},
	syscall.SYS_STAT:       {call{"stat", false}, byPath},
	syscall.SYS_LSTAT:      {call{"stat", false}, byPath},
	syscall.SYS_NEWFSTATAT: {call{"stat", false}, byPathAt},
}

// callOf returns the system call that a thread enters; false where it is of
// another kind or concerns nothing below dir.
func callOf(pid int, regs *syscall.PtraceRegs, dir string) (call, bool) {
	c, ok := fileCalls[regs.Orig_rax]
	if !ok {
		return call{}, false
	}
	path := ""
	switch c.where {
	case byDescriptor:
		path = link(pid, fmt.Sprintf("fd/%d", int32(regs.Rdi)))
	case byPath:
		path = absolute(pid, "cwd", text(pid, regs.Rdi))
	case byPathAt:
		from := fmt.Sprintf("fd/%d", int32(regs.Rdi))
		if int32(regs.Rdi) == atFdcwd {
			from = "cwd"
		}
		path = absolute(pid, from, text(pid, regs.Rsi))
	}
	creates := regs.Orig_rax == syscall.SYS_OPENAT && regs.Rdx&syscall.O_CREAT != 0
	c.changes = c.changes || creates
	return c.call, path == dir || strings.HasPrefix(path, dir+"/")
}

const atFdcwd = -100

// link returns what a link of a thread's folder in /proc names.
func link(pid int, name string) string {
	target, _ := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, name)) // "" is below no folder
	return target
}

func absolute(pid int, from, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(link(pid, from), path)
}

// text reads a string of C out of a thread's memory.
func text(pid int, at uint64) string {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return ""
	}
	defer f.Close()
	b := make([]byte, 4096)        // PATH_MAX
	n, _ := f.ReadAt(b, int64(at)) // less where the memory ends
	if i := bytes.IndexByte(b[:n], 0); i >= 0 {
		n = i
	}
	return string(b[:n])
}
