// Package killtest runs a program and holds it before each of its writes, or
// kills it there: a test that looks at what is on the disk at one write after
// another sees every state that the crash of a process can leave; what a power
// cut can leave it does not show. It uses ptrace and knows Linux on amd64 only.
package killtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// Run starts cmd and kills it with SIGKILL before its system call number point
// (from 1) that changes something: a write, sync or truncation of a file below
// dir, a file that is created, renamed or removed. It returns false where cmd
// came to its end before that, and an error where it then failed: its
// exit status, or what ptrace said.
func Run(cmd *exec.Cmd, dir string, point int64) (killed bool, err error) {
	status, err := trace(cmd, dir, func() (kill bool) { point--; return point == 0 })
	if err == nil && status.Exited() && status.ExitStatus() != 0 {
		err = fmt.Errorf("exit status %d", status.ExitStatus())
	}
	return status.Signaled(), err
}

// Watch runs cmd to its end and calls look before each of those system calls,
// while the thread that makes it is held: where one thread writes, nothing below
// dir changes meanwhile. The error is as Run's.
func Watch(cmd *exec.Cmd, dir string, look func()) error {
	status, err := trace(cmd, dir, func() (kill bool) { look(); return false })
	if err == nil && (!status.Exited() || status.ExitStatus() != 0) {
		err = fmt.Errorf("exit status %d", status.ExitStatus())
	}
	return err
}

// trace runs cmd under ptrace until it ends. Before each of its write steps it
// asks whether to kill it.
func trace(cmd *exec.Cmd, dir string, kill func() bool) (status syscall.WaitStatus, err error) {
	runtime.LockOSThread() // ptrace belongs to a thread
	defer runtime.UnlockOSThread()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Ptrace = true
	if err := cmd.Start(); err != nil {
		return status, err
	}
	if status, err = follow(cmd.Process.Pid, dir, kill); err != nil {
		err = fmt.Errorf("tracing: %w", errors.Join(err, syscall.Kill(cmd.Process.Pid, syscall.SIGKILL)))
	}
	_ = cmd.Wait() // the process is reaped already; this waits for its output
	return status, err
}

// follow traces the process main until it ends.
func follow(main int, dir string, kill func() bool) (syscall.WaitStatus, error) {
	const (
		options       = syscall.PTRACE_O_TRACECLONE | syscall.PTRACE_O_TRACESYSGOOD
		syscallStop   = syscall.SIGTRAP | 0x80
		childrenOfOne = syscall.WALL | 0x20000000 // __WNOTHREAD: not other threads' children
	)
	var status syscall.WaitStatus
	inside := map[int]bool{} // threads between a system call's entry and exit
	for first := true; ; {
		pid, err := syscall.Wait4(-1, &status, childrenOfOne, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return status, err
		}
		if first {
			first = false
			if err := syscall.PtraceSetOptions(main, options); err != nil {
				return status, err
			}
		}
		if status.Exited() || status.Signaled() {
			if pid == main {
				return status, nil
			}
			continue
		}
		signal := 0
		switch s := status.StopSignal(); {
		case s == syscallStop:
			if inside[pid] = !inside[pid]; inside[pid] && writes(pid, dir) && kill() {
				if err := syscall.Kill(main, syscall.SIGKILL); err != nil {
					return status, err
				}
			}
		case s != syscall.SIGTRAP && s != syscall.SIGSTOP:
			signal = int(s)
		}
		if err := syscall.PtraceSyscall(pid, signal); err != nil && err != syscall.ESRCH {
			return status, err
		}
	}
}

// writes tells whether the system call that pid enters changes something below dir.
func writes(pid int, dir string) bool {
	var regs syscall.PtraceRegs
	if syscall.PtraceGetRegs(pid, &regs) != nil {
		return false
	}
	switch regs.Orig_rax {
	case syscall.SYS_WRITE, syscall.SYS_PWRITE64, syscall.SYS_WRITEV, syscall.SYS_FSYNC, syscall.SYS_FDATASYNC, syscall.SYS_FTRUNCATE:
		file, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, regs.Rdi))
		return err == nil && strings.HasPrefix(file, dir+"/")
	case syscall.SYS_UNLINK, syscall.SYS_UNLINKAT, syscall.SYS_RENAME, syscall.SYS_RENAMEAT, syscall.SYS_MKDIRAT:
		return true
	case syscall.SYS_OPENAT:
		return regs.Rdx&syscall.O_CREAT != 0
	}
	return false
}
