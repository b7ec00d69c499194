// Command bench measures what vending costs, on a throw-away PostgreSQL over a Unix socket: the raw statement on a
// plain connection, vend-run-revoke in process, and the whole MCP call over HTTP, side by side in one run. It prints,
// and asserts nothing: machines are noisy, so read the ratios within one run and not the milliseconds of two.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"
	"time"
)

func main() {
	each := flag.Duration("time", 2*time.Second, "how long each line is measured")
	audit := flag.Bool("audit", false, "measure only what the audit log costs")
	policies := flag.Bool("policies", false, "measure a large set of policies instead: start, decisions, memory")
	reading := flag.Bool("audit-read", false, "measure reading an audit log instead: index, list, report, verify")
	records := flag.Int("records", 1_000_000, "how many records that log has")
	flag.Parse()
	measure := func() error { return run(context.Background(), *each, *audit) }
	if *policies {
		measure = func() error { return measurePolicies(context.Background()) }
	}
	if *reading {
		measure = func() error { return measureReading(*records) }
	}
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, each time.Duration, onlyAudit bool) error {
	r, err := newRig(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	fmt.Printf("%s, %d cores, Unix socket, %s a line\n", r.cluster.Version, runtime.GOMAXPROCS(0), each)

	const oneRow = "SELECT id, name, amount FROM bench.t1 WHERE id = 4242"
	if onlyAudit {
		r.recording(each, oneRow)
		return nil
	}
	r.section("One client, one row")
	raw := r.line("raw statement on a plain connection", measure(each, 1, r.raw(oneRow)), nil)
	vend := r.line("vend, run, revoke", measure(each, 1, r.vend(oneRow)), raw)
	r.line("analyse (never seen before), vend, run, revoke", measure(each, 1, r.vendUnseen()), raw)
	whole := r.line("the whole MCP call over HTTP", measure(each, 1, r.call(oneRow)), raw)
	r.flush()
	fmt.Printf(
		"p50: vending adds %s to the raw statement (goal 1.5 ms), MCP, identity, policies and audit %s more (goal 1 ms)\n",
		short(vend.p50-raw.p50),
		short(whole.p50-vend.p50),
	)

	for _, rows := range []int{1, 1000, 100_000} {
		r.section(fmt.Sprintf("One client, %d rows", rows))
		r.three(each, 1, fmt.Sprintf("SELECT id, name, amount FROM bench.t1 ORDER BY id LIMIT %d", rows))
	}
	for _, tables := range []int{1, 3, 8} {
		r.section(fmt.Sprintf("One client, one row of %d tables", tables))
		r.three(each, 1, join(tables))
	}
	for _, clients := range []int{1, 8, 32} {
		r.section(fmt.Sprintf("%d clients, one row", clients))
		r.three(each, clients, oneRow)
	}
	r.recording(each, oneRow)
	return nil
}

// recording compares calls that are recorded with calls that are not, in turns, so that both have the machine's good
// and bad moments.
func (r *rig) recording(each time.Duration, sql string) {
	const turns = 4
	for _, clients := range []int{1, 32} {
		r.section(fmt.Sprintf("%d clients, one row, MCP call over HTTP, with the audit log and without", clients))
		var on, off float64
		for range turns {
			r.silent.Store(true)
			without := r.line("without", measure(each, clients, r.call(sql)), nil)
			r.silent.Store(false)
			with := r.line("with", measure(each, clients, r.call(sql)), without)
			on, off = on+with.perSecond, off+without.perSecond
		}
		r.flush()
		fmt.Printf(
			"with the audit log, %d clients get %.0f %% of the calls a second (goal at 32: 85 %%)\n",
			clients,
			100*on/off,
		)
	}
}

func join(tables int) string {
	sql := "SELECT t1.id, t1.amount FROM bench.t1"
	for i := 2; i <= tables; i++ {
		sql += fmt.Sprintf(" JOIN bench.t%d USING (id)", i)
	}
	return sql + " WHERE id = 4242"
}

// three is what every section compares.
func (r *rig) three(each time.Duration, clients int, sql string) {
	raw := r.line("raw statement", measure(each, clients, r.raw(sql)), nil)
	r.line("vend, run, revoke", measure(each, clients, r.vend(sql)), raw)
	r.line("MCP call over HTTP", measure(each, clients, r.call(sql)), raw)
	r.flush()
}

func (r *rig) section(title string) {
	fmt.Printf("\n%s\n", title)
	r.out = tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(r.out, "p50\tp99\tcalls/s\tp50 to raw\t ")
}

func (r *rig) line(name string, m measured, raw *measured) *measured {
	ratio := ""
	if raw != nil {
		ratio = fmt.Sprintf("%.1f x", float64(m.p50)/float64(raw.p50))
	}
	if m.err != nil {
		name += ": FAILED: " + m.err.Error()
	}
	fmt.Fprintf(r.out, "%s\t%s\t%.0f\t%s\t %s\n", short(m.p50), short(m.p99), m.perSecond, ratio, name)
	return &m
}

func (r *rig) flush() { r.out.Flush() }

func short(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
