package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// memoryGroup is the folder of a memory cgroup: its processes, and what they leave in the page
// cache, have so much memory together.
type memoryGroup string

// newMemoryGroup makes one, of version 1 or 2 of cgroups, which takes root's rights.
func newMemoryGroup(limit int64) (memoryGroup, error) {
	const root = "/sys/fs/cgroup"
	dir, file := filepath.Join(root, "memory", "sheaf-bench"), "memory.limit_in_bytes"
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		dir, file = filepath.Join(root, "sheaf-bench"), "memory.max"
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return memoryGroup(dir), os.WriteFile(filepath.Join(dir, file), []byte(strconv.FormatInt(limit, 10)), 0o666)
}

// command is one that runs in the group.
func (g memoryGroup) command(command ...string) []string {
	return append([]string{"sh", "-c", `echo $$ > "$0"/cgroup.procs && exec "$@"`, string(g)}, command...)
}

func (g memoryGroup) remove() error { return os.Remove(string(g)) }
