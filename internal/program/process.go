package program

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"sheaf/internal/crash"
)

const (
	// exitTime is how long a program may run on once its input is closed.
	exitTime = 2 * time.Second

	// maxAnswerLine bounds an answer in bytes: 65,536 numbers fit.
	maxAnswerLine = 4 << 20
)

// process is a program that answers lines with lines.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	last *lastLine

	waiting sync.Once
	ended   chan struct{} // closed when the program has ended
	status  error         // set before ended is closed
}

// startProcess starts a program by the shell, in a process group of its own: a Ctrl-C
// must not end it while its answers are wanted.
func startProcess(program string, stderr io.Writer) (*process, error) {
	p := &process{cmd: exec.Command("/bin/sh", "-c", program), last: &lastLine{to: stderr}, ended: make(chan struct{})}
	p.cmd.Stderr = p.last
	p.cmd.WaitDelay = exitTime
	separate(p.cmd)
	in, inErr := p.cmd.StdinPipe()
	out, outErr := p.cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr); err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewScanner(out)
	p.out.Buffer(nil, maxAnswerLine)
	return p, p.cmd.Start()
}

// exchange writes input and calls answer with each of n lines of the output. It calls
// stalled when one takes longer than stall.
func (p *process) exchange(input []byte, n int, stall time.Duration, stalled func(), answer func([]byte) error) error {
	written := crash.Go(func() error {
		_, _ = p.in.Write(input) // a program that does not read does not answer either
		return nil
	})
	timer := time.AfterFunc(stall, func() {
		var failed error // a notice that cannot be given ends nothing
		defer crash.Catch(&failed)
		stalled()
	})
	defer timer.Stop()
	for i := range n {
		if !p.out.Scan() {
			return p.end(i, n)
		}
		timer.Reset(stall)
		if err := answer(p.out.Bytes()); err != nil {
			return err
		}
	}
	return <-written
}

// end returns why there are no more answers.
func (p *process) end(got, want int) error {
	if err := p.out.Err(); err != nil {
		return fmt.Errorf("reading its answers: %w", err)
	}
	if err := p.wait(); err != nil {
		return fmt.Errorf("it ended with %w", err)
	}
	return fmt.Errorf("it ended after %d of %d answers", got, want)
}

// close closes the input and waits for the program's end.
func (p *process) close() error {
	_ = p.in.Close()
	return p.wait()
}

// wait returns how the program ended. It kills a program that runs for another exitTime.
func (p *process) wait() error {
	p.waiting.Do(func() {
		go func() {
			defer close(p.ended)
			defer crash.Catch(&p.status)
			p.status = p.cmd.Wait()
		}()
	})
	select {
	case <-p.ended:
	case <-time.After(exitTime):
		p.kill()
		<-p.ended
	}
	return p.status
}

// kill ends the program at once, unless it has ended: its process id may be reused.
func (p *process) kill() {
	select {
	case <-p.ended:
	default:
		killGroup(p.cmd)
	}
}

// said returns the last line that the program wrote to its standard error.
func (p *process) said() string {
	_ = p.wait()
	return p.last.line()
}

// lastLine passes on what is written to it and keeps the last line.
type lastLine struct {
	to io.Writer // may be nil

	mu   sync.Mutex
	tail []byte
}

// maxLastLine is the number of bytes of a line that are kept.
const maxLastLine = 300

func (l *lastLine) Write(b []byte) (n int, err error) {
	defer crash.Catch(&err) // os/exec calls it in a goroutine of its own
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, b...)
	if end := bytes.TrimRight(l.tail, "\n"); bytes.LastIndexByte(end, '\n') >= 0 {
		l.tail = l.tail[bytes.LastIndexByte(end, '\n')+1:]
	}
	if len(l.tail) > maxLastLine {
		l.tail = append([]byte(nil), l.tail[len(l.tail)-maxLastLine:]...)
	}
	if l.to != nil {
		return l.to.Write(b)
	}
	return len(b), nil
}

func (l *lastLine) line() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.ToValidUTF8(bytes.TrimSpace(l.tail), nil))
}
