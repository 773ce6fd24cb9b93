// Package weaviatetest runs servers of Weaviate for tests: the program that the environment
// names, in folders of their own that go with them. A server has ports that listen on all
// interfaces, whatever it is told, so tests run in a network namespace with a loopback interface
// alone.
package weaviatetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The environment of the tests: Program names the server that make test-weaviate builds; where it is
// not set tests of servers are skipped, or fail where Required is set.
const (
	Program  = "SHEAF_TEST_WEAVIATE"
	Required = "SHEAF_TEST_WEAVIATE_REQUIRED"

	inside = "SHEAF_TEST_WEAVIATE_INSIDE" // is set in the namespace
)

// Tests runs the tests of a package.
type Tests struct{ M interface{ Run() int } }

// Run returns the exit code. Where the environment names a server, the tests run in a process
// in a namespace of its own.
func (t Tests) Run() int {
	if os.Getenv(Program) == "" {
		return t.M.Run()
	}
	if os.Getenv(inside) == "" {
		code, err := Isolated(context.Background(), os.Args[1:]...)
		if err != nil {
			fmt.Fprintln(os.Stderr, "weaviatetest: no network namespace:", err)
			return 1
		}
		return code
	}
	if err := loopback(); err != nil { // tests without a cluster need it too
		fmt.Fprintln(os.Stderr, "weaviatetest: no loopback interface:", err)
		return 1
	}
	return t.M.Run()
}

// Isolated runs this program with other arguments in a namespace of its own, in which clusters may
// be started, and returns its exit code. It gets SIGTERM when the context ends.
func Isolated(ctx context.Context, args ...string) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	c := exec.CommandContext(ctx, self, args...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), inside+"=1")
	if err := isolate(c); err != nil {
		return 0, err
	}
	if err := start(c); err != nil {
		return 0, err
	}
	var exit *exec.ExitError
	if err := c.Wait(); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return c.ProcessState.ExitCode(), nil
}

// Cluster is some servers that know each other.
type Cluster struct {
	dir     string
	program string
	first   int // the offset of all ports
	nodes   []*exec.Cmd
	names   atomic.Int64
}

// Need skips a test where there is no server, or fails it where one is required.
func Need(t *testing.T) {
	t.Helper()
	switch {
	case os.Getenv(Program) != "":
	case os.Getenv(Required) != "":
		t.Fatalf("no Weaviate: %s names no server", Program)
	default:
		t.Skipf("no Weaviate: make test-weaviate builds one")
	}
}

// Start starts a cluster of so many nodes, which end with the test. Clusters of one process have
// different numbers.
func Start(t *testing.T, number, nodes int) *Cluster {
	t.Helper()
	Need(t)
	c, err := Begin(t.TempDir(), number, nodes)
	t.Cleanup(c.Stop)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Begin is Start for who is no test: the cluster keeps its files in a folder, and lasts until Stop, also
// where Begin fails.
func Begin(dir string, number, nodes int) (*Cluster, error) {
	c := &Cluster{dir: dir, program: os.Getenv(Program), first: 1000 * number, nodes: make([]*exec.Cmd, nodes)}
	if err := loopback(); err != nil {
		return c, fmt.Errorf("no loopback interface: %w", err)
	}
	for i := range c.nodes {
		if err := c.begin(i); err != nil {
			return c, err
		}
		if err := c.listens(i); err != nil {
			return c, err
		}
	}
	for i := range c.nodes {
		if err := c.await(i); err != nil {
			return c, err
		}
	}
	return c, nil
}

// The ports of the first node of the first cluster.
const (
	portHTTP   = 8080
	portGRPC   = 10051
	portGossip = 7100
	portRaft   = 8300
)

// begin starts a node.
func (c *Cluster) begin(i int) error {
	port := func(base int) string { return strconv.Itoa(base + c.first + 2*i) }
	var join []string
	for j := range c.nodes {
		join = append(join, fmt.Sprintf("node%d:%d", j, portRaft+c.first+2*j))
	}
	dir := filepath.Join(c.dir, "node"+strconv.Itoa(i))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer log.Close()
	n := exec.Command(c.program, "--scheme", "http", "--host", "127.0.0.1", "--port", port(portHTTP), "--read-timeout=60s", "--write-timeout=60s")
	n.Dir, n.Stdout, n.Stderr = dir, log, log
	n.Env = []string{
		"PATH=/usr/bin:/bin", "HOME=" + dir, "PERSISTENCE_DATA_PATH=" + filepath.Join(dir, "data"), "LOG_LEVEL=warning",
		"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=true", "DEFAULT_VECTORIZER_MODULE=none", "API_BASED_MODULES_DISABLED=true",
		"DISABLE_TELEMETRY=true", "GO_PROFILING_DISABLE=true", "PROMETHEUS_MONITORING_ENABLED=false", "AUTOSCHEMA_ENABLED=false",
		"CLUSTER_HOSTNAME=node" + strconv.Itoa(i), "CLUSTER_IN_LOCALHOST=true", "CLUSTER_BIND_ADDR=127.0.0.1", "CLUSTER_ADVERTISE_ADDR=127.0.0.1",
		"CLUSTER_GOSSIP_BIND_PORT=" + port(portGossip), "CLUSTER_DATA_BIND_PORT=" + port(portGossip+1),
		"RAFT_PORT=" + port(portRaft), "RAFT_INTERNAL_RPC_PORT=" + port(portRaft+1), "RAFT_JOIN=" + strings.Join(join, ","),
		"RAFT_BOOTSTRAP_EXPECT=" + strconv.Itoa(len(c.nodes)), "RAFT_BOOTSTRAP_TIMEOUT=60",
		"GRPC_PORT=" + port(portGRPC), "DISK_USE_READONLY_PERCENTAGE=100", "DISK_USE_WARNING_PERCENTAGE=100",
	}
	if len(c.nodes) == 1 { // who elects itself need not wait for others
		n.Env = append(n.Env, "RAFT_TIMEOUTS_MULTIPLIER=1")
	}
	if i > 0 {
		n.Env = append(n.Env, "CLUSTER_JOIN=127.0.0.1:"+strconv.Itoa(portGossip+c.first))
	}
	c.nodes[i] = n
	return start(n)
}

// How often a server that starts is looked at, and how long until the next look. A machine that
// stands still meanwhile costs no look.
const (
	looks = 1000
	pause = 50 * time.Millisecond
)

// listens waits until a node takes others in: one that is asked too soon is not asked again.
func (c *Cluster) listens(i int) error {
	for range looks {
		time.Sleep(pause)
		if other, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(portGossip+c.first+2*i)); err == nil {
			other.Close()
			return nil
		}
	}
	return fmt.Errorf("node %d does not listen", i)
}

// await waits until a node answers.
func (c *Cluster) await(i int) error {
	for range looks {
		time.Sleep(pause)
		r, err := http.Get("http://" + c.address(i) + "/v1/.well-known/ready")
		if err != nil {
			continue
		}
		r.Body.Close()
		if r.StatusCode == http.StatusOK {
			return nil
		}
	}
	log, _ := os.ReadFile(filepath.Join(c.dir, "node"+strconv.Itoa(i), "log"))
	return fmt.Errorf("node %d does not start:\n%s", i, log[max(0, len(log)-4000):])
}

func (c *Cluster) address(i int) string { return "127.0.0.1:" + strconv.Itoa(portHTTP+c.first+2*i) }

// Base is the URL of the interface of the first node.
func (c *Cluster) Base() string { return "http://" + c.address(0) }

// Kill kills a node.
func (c *Cluster) Kill(i int) {
	_ = c.nodes[i].Process.Kill()
	_ = c.nodes[i].Wait()
}

// Wipe takes all files from a node that was killed.
func (c *Cluster) Wipe(t *testing.T, i int) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(c.dir, "node"+strconv.Itoa(i), "data")); err != nil {
		t.Fatal(err)
	}
}

// Revive starts a node again that was killed. Any goroutine may call it.
func (c *Cluster) Revive(t *testing.T, i int) {
	t.Helper()
	err := c.begin(i)
	if err == nil {
		err = c.await(i)
	}
	if err != nil {
		t.Error(err)
	}
}

// Stop ends the nodes.
func (c *Cluster) Stop() {
	for _, n := range c.nodes {
		if n != nil && n.Process != nil {
			_ = n.Process.Kill()
			_ = n.Wait()
		}
	}
}

// Collection names, by its first node, a collection of the cluster of which there is none.
func (c *Cluster) Collection(t *testing.T) string {
	t.Helper()
	return c.URL(0, "T"+strconv.FormatInt(c.names.Add(1), 10))
}

// URL names a collection by a node.
func (c *Cluster) URL(node int, collection string) string {
	return fmt.Sprintf("weaviate://%s/%s?grpc=%d", c.address(node), collection, portGRPC+c.first+2*node)
}
