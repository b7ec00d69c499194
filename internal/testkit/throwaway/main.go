package throwaway

import (
	"context"
	"database/sql"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// running are the clusters of this process that were not stopped yet.
var running sync.Map

// Main is the TestMain of a package whose tests use clusters: it runs them, stops every cluster that they left running,
// and ends the process. An interrupt stops the clusters as well. After a panic nothing of this process runs any more:
// the kernel ends the server, and a remover takes its directory away.
func Main(m interface{ Run() int }) { os.Exit(Tests{m}.Run()) }

// Tests is Main for a package that has to do something else with the code that the tests end with.
type Tests struct{ M interface{ Run() int } }

// Run runs the tests and stops the clusters.
func (t Tests) Run() (code int) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupted)
	go func() {
		<-interrupted
		stopAll()
		os.Exit(1)
	}()
	defer stopAll()
	return t.M.Run()
}

func stopAll() {
	running.Range(func(c, _ any) bool {
		c.(*Cluster).Stop()
		return true
	})
}

// Shared is one cluster for all tests of a package. It starts when the first of them uses it, so that those which do
// not need it do not wait for it. Main stops it.
type Shared struct{ cluster func() *Cluster }

// NewShared says how the cluster is prepared when it has started.
func NewShared(prepare ...func(*Cluster) error) *Shared {
	return &Shared{sync.OnceValue(func() *Cluster {
		c, err := Start(context.Background())
		for _, p := range prepare {
			if err == nil {
				err = p(c)
			}
		}
		if err != nil {
			panic(err)
		}
		return c
	})}
}

// Cluster returns the cluster. It panics if there is none to be had: then no test of the package can hold.
func (s *Shared) Cluster() *Cluster { return s.cluster() }

// DSN is Cluster.DSN.
func (s *Shared) DSN(role, database string) string { return s.cluster().DSN(role, database) }

// Open is Cluster.Open.
func (s *Shared) Open(role, database string) (*sql.DB, error) {
	return s.cluster().Open(role, database)
}

// Exec is Cluster.Exec.
func (s *Shared) Exec(role, database, script string) error {
	return s.cluster().Exec(role, database, script)
}
