//go:build !linux

package weaviatetest

import (
	"errors"
	"os/exec"
)

func isolate(*exec.Cmd) error { return errors.New("only Linux has them") }

func loopback() error { return nil }

func start(c *exec.Cmd) error { return c.Start() }
