package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// peer is a Python process that searches, or embeds, each time it is told to.
type peer struct {
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	labels []int // the first hit of each query

	first []float32 // a model's: the vector of the first text
}

// ownChoice is in the name of a peer that uses the best kernels that the CPU has.
const ownChoice = "its own choice of kernels"

// startPeers starts Faiss at AVX2 and at whatever the CPU has; none where there
// is no Python, which is said.
func (b *bench) startPeers(ctx context.Context, dir, queries string) ([]*peer, error) {
	python, err := b.venv(ctx, "venv", "faiss, numpy", "faiss-cpu", "numpy")
	if err != nil {
		fmt.Fprintf(b.out, "\nNo comparison with Faiss: %v\n", err)
		return nil, nil
	}
	index, err := indexFile(dir)
	if err != nil {
		return nil, err
	}
	var peers []*peer
	for _, level := range []string{"AVX2", ""} {
		p, err := startPeer(ctx, python, level, index, queries)
		if err != nil {
			stopPeers(peers)
			return nil, err
		}
		peers = append(peers, p)
	}
	return peers, nil
}

// venv gives a Python that can import modules, from packages in a folder of its own.
func (b *bench) venv(ctx context.Context, name, modules string, packages ...string) (string, error) {
	dir := filepath.Join(b.data, name)
	python := filepath.Join(dir, "bin", "python")
	if exec.CommandContext(ctx, python, "-c", "import "+modules).Run() == nil {
		return python, nil
	}
	for _, command := range [][]string{
		{"python3", "-m", "venv", dir},
		append([]string{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, packages...),
	} {
		c := exec.CommandContext(ctx, command[0], command[1:]...)
		c.Stderr = os.Stderr
		if err := c.Run(); err != nil {
			return "", fmt.Errorf("%v: %w", command, err)
		}
	}
	return python, nil
}

func startPeer(ctx context.Context, python, level, index, queries string) (*peer, error) {
	threads := runtime.GOMAXPROCS(0)
	c := exec.CommandContext(ctx, python, filepath.Join("bench", "faiss_peer.py"), index, queries, fmt.Sprint(threads), fmt.Sprint(dim))
	c.Env = peerEnv(level, threads)
	p, err := launch(c)
	if err != nil {
		return nil, err
	}
	var hello struct{ Version string }
	if err := p.receive(&hello); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	p.name = fmt.Sprintf("faiss-cpu %s, %s", hello.Version, cmp.Or(level, ownChoice))
	return p, nil
}

// launch starts a peer, which answers on stdout.
func launch(c *exec.Cmd) (*peer, error) {
	c.Stderr = os.Stderr
	in, inErr := c.StdinPipe()
	out, outErr := c.StdoutPipe()
	if err := errors.Join(inErr, outErr, c.Start()); err != nil {
		return nil, err
	}
	return &peer{cmd: c, in: in, out: bufio.NewReader(out)}, nil
}

func (p *peer) receive(v any) error {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("reading from %v: %w", p.cmd.Args, err)
	}
	return json.Unmarshal(line, v)
}

// search has the peer answer all queries once.
func (p *peer) search(ctx context.Context) (sample, error) { return p.ask("search")(ctx) }

// ask makes a contender of the peer's answer to a line. It takes the time itself: the
// pipe between us is not its fault.
func (p *peer) ask(line string) contender {
	return func(context.Context) (s sample, err error) {
		if _, err := fmt.Fprintln(p.in, line); err != nil {
			return s, err
		}
		var answer struct {
			Seconds float64
			Labels  []int
		}
		if err := p.receive(&answer); err != nil {
			return s, err
		}
		p.labels = answer.Labels
		return sample{Wall: time.Duration(answer.Seconds * float64(time.Second))}, nil
	}
}

// stop ends the peer, which leaves when its input ends.
func (p *peer) stop() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }
