package pgtest

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// socket is the name of the Unix socket of a server in its folder.
const socket = ".s.PGSQL.5432"

// Proxy passes what clients send on to a server, and strikes once it has passed on a number of
// their messages.
type Proxy struct {
	server *Server
	dir    string
	strike func()

	passing sync.WaitGroup // connections

	mu   sync.Mutex
	left int // messages until it strikes
	sent int
}

// Proxy starts a proxy that calls strike after some messages; never where there are fewer.
// Before strike returns nothing more is passed on.
func (s *Server) Proxy(t *testing.T, messages int, strike func()) *Proxy {
	t.Helper()
	dir, err := os.MkdirTemp("", "sheaf-px-") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, l.Addr().String()} { // the user of another server comes too
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	p := &Proxy{server: s, dir: dir, strike: strike, left: messages}
	t.Cleanup(func() {
		_ = l.Close()
		_ = os.RemoveAll(dir)
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.passing.Go(func() { p.pass(c) })
		}
	}()
	return p
}

// Dir is the folder of the proxy's socket: clients take it for a host.
func (p *Proxy) Dir() string { return p.dir }

// URL names a table of the server by the proxy.
func (p *Proxy) URL(table string) string { return urlOf(p.dir, table) }

// Wait returns when all connections of a client that has ended have ended too, and so has what
// their last messages struck.
func (p *Proxy) Wait() { p.passing.Wait() }

// Sent is how many messages were passed on.
func (p *Proxy) Sent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent
}

func (p *Proxy) pass(client net.Conn) {
	defer client.Close()
	to, err := net.Dial("unix", filepath.Join(p.server.dir, socket))
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(client, to)
		client.Close()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil {
			return
		}
		p.count()
	}
}

func (p *Proxy) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent++
	if p.left--; p.left == 0 {
		p.strike()
	}
}
