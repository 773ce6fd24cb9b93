// Package faulttest runs a program and interferes with its system calls on the files
// below a folder: it kills the program before one of them, holds it there, or
// lets calls fail. A kill shows what the crash of a process can leave, not what a
// power cut can. It uses ptrace and knows Linux on amd64 only.
package faulttest

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
)

// ErrNotAllowed says that this process may not trace another one.
var ErrNotAllowed = errors.New("ptrace is not allowed here")

// Kill starts cmd and kills it with SIGKILL before its system call number point
// (from 1) that changes something below dir. It returns false where cmd came to
// its end before that, and an error where it then failed.
func Kill(cmd *exec.Cmd, dir string, point int64) (killed bool, err error) {
	status, err := trace(cmd, dir, func(c call) verdict {
		if c.changes {
			point--
		}
		return verdict{kill: c.changes && point == 0}
	})
	if err == nil && status.Exited() {
		err = exitError(status)
	}
	return status.Signaled(), err
}

// Watch runs cmd to its end and calls look before each system call that changes
// something below dir, while the thread that makes it is held: where one thread
// writes, nothing below dir changes meanwhile.
func Watch(cmd *exec.Cmd, dir string, look func()) error {
	status, err := trace(cmd, dir, func(c call) verdict {
		if c.changes {
			look()
		}
		return verdict{}
	})
	return errors.Join(err, exitError(status))
}

// Count runs cmd to its end and returns how often it makes each system call on
// the files below dir. The names are those that Fault takes: "rename" is also
// renameat, and so on.
func Count(cmd *exec.Cmd, dir string) (map[string]int, error) {
	times := map[string]int{}
	status, err := trace(cmd, dir, func(c call) verdict {
		times[c.name]++
		return verdict{}
	})
	return times, errors.Join(err, exitError(status))
}

// Fault is a system call that fails.
type Fault struct {
	Call        string
	Errno       syscall.Errno
	First, Last int // which of the calls below the folder fail, counted from 1
	// Late faults do what the call does before it fails.
	Late bool
}

// Fail runs cmd to its end while calls on the files below dir fail. It returns how
// many did, and the exit code: -1 where a signal ended cmd.
func Fail(cmd *exec.Cmd, dir string, f Fault) (failed, code int, err error) {
	n := 0
	status, err := trace(cmd, dir, func(c call) verdict {
		if c.name != f.Call {
			return verdict{}
		}
		if n++; n < f.First || n > f.Last {
			return verdict{}
		}
		failed++
		return verdict{errno: f.Errno, late: f.Late}
	})
	return failed, status.ExitStatus(), err
}

func exitError(status syscall.WaitStatus) error {
	if status.Exited() && status.ExitStatus() == 0 {
		return nil
	}
	return fmt.Errorf("exit status %d", status.ExitStatus())
}

// verdict is what becomes of a system call: it is made, it fails, or the process is
// killed before it.
type verdict struct {
	kill  bool
	errno syscall.Errno // 0: it is made
	late  bool          // it is made and fails nevertheless
}

// trace runs cmd under ptrace until it ends, and asks before each of the system
// calls on files below dir what becomes of it.
func trace(cmd *exec.Cmd, dir string, judge func(call) verdict) (status syscall.WaitStatus, err error) {
	runtime.LockOSThread() // ptrace belongs to a thread
	defer runtime.UnlockOSThread()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Ptrace = true
	cmd.SysProcAttr.Setpgid = true // a group that can be waited for: other children of this thread are not ours
	if err := cmd.Start(); errors.Is(err, syscall.EPERM) {
		return status, fmt.Errorf("%w: %w", ErrNotAllowed, err)
	} else if err != nil {
		return status, err
	}
	t := tracer{main: cmd.Process.Pid, dir: dir, judge: judge, inside: map[int]bool{}, failing: map[int]syscall.Errno{}}
	if status, err = t.follow(); err != nil {
		err = fmt.Errorf("tracing: %w", errors.Join(err, syscall.Kill(t.main, syscall.SIGKILL)))
	}
	_ = cmd.Wait() // the process is reaped already; this waits for its output
	return status, err
}

// tracer follows the threads of a process.
type tracer struct {
	main    int // its process
	dir     string
	judge   func(call) verdict
	inside  map[int]bool          // threads between a system call's entry and exit
	failing map[int]syscall.Errno // those of them whose call fails
}

// follow traces the process until it ends.
func (t *tracer) follow() (syscall.WaitStatus, error) {
	const (
		options     = syscall.PTRACE_O_TRACECLONE | syscall.PTRACE_O_TRACESYSGOOD
		syscallStop = syscall.SIGTRAP | 0x80
	)
	var status syscall.WaitStatus
	for first := true; ; {
		pid, err := syscall.Wait4(-t.main, &status, syscall.WALL, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return status, err
		}
		if first {
			first = false
			if err := syscall.PtraceSetOptions(t.main, options); err != nil {
				return status, err
			}
		}
		if status.Exited() || status.Signaled() {
			if pid == t.main {
				return status, nil
			}
			continue
		}
		signal := 0
		switch s := status.StopSignal(); {
		case s == syscallStop:
			if err := t.stopped(pid); err != nil && err != syscall.ESRCH {
				return status, err
			}
		case s != syscall.SIGTRAP && s != syscall.SIGSTOP:
			signal = int(s)
		}
		if err := syscall.PtraceSyscall(pid, signal); err != nil && err != syscall.ESRCH {
			return status, err
		}
	}
}

// stopped handles a thread that enters a system call or comes out of it.
func (t *tracer) stopped(pid int) error {
	t.inside[pid] = !t.inside[pid]
	errno, fails := t.failing[pid]
	if !t.inside[pid] && !fails {
		return nil
	}
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(pid, &regs); err != nil {
		return err
	}
	if !t.inside[pid] {
		delete(t.failing, pid)
		regs.Rax = uint64(-int64(errno))
		return syscall.PtraceSetRegs(pid, &regs)
	}
	c, ok := callOf(pid, &regs, t.dir)
	if !ok {
		return nil
	}
	v := t.judge(c)
	if v.kill {
		return syscall.Kill(t.main, syscall.SIGKILL)
	}
	if v.errno == 0 {
		return nil
	}
	t.failing[pid] = v.errno
	if v.late {
		return nil
	}
	regs.Orig_rax = ^uint64(0) // no system call
	return syscall.PtraceSetRegs(pid, &regs)
}
