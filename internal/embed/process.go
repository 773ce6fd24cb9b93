package embed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

const (
	// stallNotice is how long an answer may take before people are told.
	stallNotice = 30 * time.Second

	// endGrace is how long a program may take to end once its input did.
	endGrace = 2 * time.Second

	// maxAnswerLine is the length of an answer at most: 65,536 numbers have room.
	maxAnswerLine = 4 << 20
)

// process is a program that answers lines with lines.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	last *lastLine

	waiting sync.Once
	ended   chan struct{}
	status  error // once ended
}

// startProcess starts a program by the shell, in a process group of its own, so
// that a Ctrl-C reaches only us, who may have work for it yet.
func startProcess(program string, stderr io.Writer) (*process, error) {
	p := &process{cmd: exec.Command("/bin/sh", "-c", program), last: &lastLine{to: stderr}, ended: make(chan struct{})}
	p.cmd.Stderr = p.last
	p.cmd.WaitDelay = endGrace
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

// exchange writes input and calls answer with n lines. It calls stalled when one
// takes longer than stall.
func (p *process) exchange(input []byte, n int, stall time.Duration, stalled func(), answer func([]byte) error) error {
	written := make(chan struct{})
	go func() {
		_, _ = p.in.Write(input) // whoever does not read shows it by not answering
		close(written)
	}()
	timer := time.AfterFunc(stall, stalled)
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
	<-written
	return nil
}

// end says why there are no more answers.
func (p *process) end(got, want int) error {
	if err := p.out.Err(); err != nil {
		return fmt.Errorf("reading its answers: %w", err)
	}
	if err := p.wait(); err != nil {
		return fmt.Errorf("it ended with %w", err)
	}
	return fmt.Errorf("it ended after %d of %d answers", got, want)
}

// close lets the program come to its end.
func (p *process) close() error {
	_ = p.in.Close()
	return p.wait()
}

// wait returns how the program ended, which it must do soon.
func (p *process) wait() error {
	p.waiting.Do(func() {
		go func() {
			p.status = p.cmd.Wait()
			close(p.ended)
		}()
	})
	select {
	case <-p.ended:
	case <-time.After(endGrace):
		p.kill()
		<-p.ended
	}
	return p.status
}

// kill ends the program at once, unless it has ended: its number may be another's.
func (p *process) kill() {
	select {
	case <-p.ended:
	default:
		killGroup(p.cmd)
	}
}

// said is the last line that the program wrote to its standard error.
func (p *process) said() string {
	_ = p.wait()
	return p.last.line()
}

// lastLine passes on what is written and keeps the last line of it.
type lastLine struct {
	to io.Writer // nil: nobody

	mu   sync.Mutex
	tail []byte
}

// maxLastLine is how much of a line is kept.
const maxLastLine = 300

func (l *lastLine) Write(b []byte) (int, error) {
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
