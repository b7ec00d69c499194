package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"deputy/internal/testkit/throwaway"
)

var everyone = []string{"shop", "app", "lake"}

// diskFaults befall the disk of the audit log, and of a database.
func diskFaults() []fault {
	return []fault{
		{
			name: "audit log: disk full", long: true, holds: 8 * time.Second, hits: everyone, unrecorded: true,
			begin: func(s *scene) error { return s.onDisk(func(disk string) error { return fill(disk) }) },
			end:   func(s *scene) error { return os.Remove(filepath.Join(s.dir, "audit", "filler")) },
		},
		{
			name: "audit log: fsync hangs", long: true, holds: 20 * time.Second, hits: everyone, unrecorded: true,
			begin: func(s *scene) error {
				return s.onDisk(func(disk string) error { return command("fsfreeze -f " + disk) })
			},
			end: func(s *scene) error { return command("fsfreeze -u " + filepath.Join(s.dir, "audit")) },
		},
		{
			name: "audit log: fsync slow", long: true, holds: 10 * time.Second,
			begin: func(s *scene) error { return s.onDisk(s.slow) },
		},
		{
			name: "database: disk full", long: true, holds: 8 * time.Second, hits: shopAlone,
			begin: fullDatabase, end: roomAgain,
		},
	}
}

// onDisk moves the audit log to a small disk of its own, once, and does something to that.
func (s *scene) onDisk(do func(disk string) error) error {
	disk := filepath.Join(s.dir, "audit")
	if _, err := os.Stat(filepath.Join(disk, "lost+found")); err != nil {
		image := filepath.Join(scratch, "audit.img")
		s.traffic.stop()
		s.stop(sigterm)
		if err := errors.Join(command("truncate -s 4G "+image), command("mkfs.ext4 -q -m 0 "+image)); err != nil {
			s.serve()
			s.traffic = s.traffic.again()
			return fmt.Errorf("%w: no ext4: %v", errNotHere, err)
		}
		old := disk + ".before"
		err := errors.Join(os.Rename(disk, old), os.Mkdir(disk, 0o700))
		mounted := command("mount -o loop " + image + " " + disk)
		files, _ := filepath.Glob(filepath.Join(old, "*"))
		for _, file := range files {
			err = errors.Join(err, command("cp -p "+file+" "+disk))
		}
		s.serve()
		s.traffic = s.traffic.again()
		if mounted != nil {
			return fmt.Errorf("%w: no loop device: %v", errNotHere, mounted)
		}
		_, bad := s.traffic.good(patience)
		if err = errors.Join(err, bad); err != nil {
			return err
		}
		s.company.ending = append(s.company.ending, func() {
			command("fsfreeze -u " + disk)
			command("umount " + disk)
		})
	}
	s.from = time.Now()
	return do(disk)
}

// slow lets the disk write for a moment after every 300 ms: whatever is written or synced meanwhile waits for that.
func (s *scene) slow(disk string) error {
	quit, done := make(chan struct{}), make(chan error, 1)
	go func() {
		var failed error
		for {
			failed = errors.Join(failed, command("fsfreeze -f "+disk))
			time.Sleep(300 * time.Millisecond)
			failed = errors.Join(failed, command("fsfreeze -u "+disk))
			select {
			case <-quit:
				done <- failed
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	s.ending = append(s.ending, func() {
		close(quit)
		if err := <-done; err != nil {
			s.Error(err)
		}
	})
	return nil
}

// fill takes all the room that a disk has: most of it at once, without writing it.
func fill(disk string) error {
	filler := filepath.Join(disk, "filler")
	free, err := exec.Command("df", "--output=avail", "-B1", disk).Output()
	if words := strings.Fields(string(free)); err == nil && len(words) == 2 {
		command("fallocate -l " + words[1] + " " + filler) // it fills as far as it comes
	}
	f, err := os.OpenFile(filler, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	zeros := make([]byte, 4096)
	for {
		if _, err := f.Write(zeros); err != nil {
			return nil
		}
	}
}

// fullDatabase gives the cluster's temporary files a disk that is full: sorting needs one, plain reading does not.
func fullDatabase(s *scene) error {
	place := filepath.Join(s.shop.Dir, "small")
	if err := os.Mkdir(place, 0o700); err != nil {
		return err
	}
	if err := command("mount -t tmpfs -o size=1m,mode=777 none " + place); err != nil {
		return fmt.Errorf("%w: no tmpfs: %v", errNotHere, err)
	}
	s.company.ending = append(s.company.ending, func() { command("umount " + place) })
	own := filepath.Join(place, "own")
	err := errors.Join(os.Mkdir(own, 0o700), command("chown --reference="+s.shop.Dir+" "+own))
	for _, sql := range []string{
		`CREATE TABLESPACE small LOCATION '` + own + `'`,
		`GRANT CREATE ON TABLESPACE small TO PUBLIC`,
		`ALTER SYSTEM SET temp_tablespaces = small`,
		`ALTER SYSTEM SET work_mem = '64kB'`,
		`SELECT pg_reload_conf()`,
	} {
		err = errors.Join(err, s.shop.Exec(throwaway.Superuser, "postgres", sql))
	}
	return err
}

const sorting = "SELECT md5(i::text) AS t FROM generate_series(1, 100000) AS i ORDER BY t LIMIT 1 OFFSET 90000"

func roomAgain(s *scene) error {
	said := ""
	c, err := s.connect(s.Context(), "taylor", "chat")
	if err == nil {
		defer c.Close()
		_, err = c.Query(
			s.Context(),
			map[string]any{"platform": "shop", "sql": sorting},
		)
	}
	if err == nil {
		return errors.New("a sort without a disk is answered")
	}
	said = err.Error()
	s.note("a sort that finds no room: %s", said)
	for _, sql := range []string{
		`ALTER SYSTEM RESET ALL`, `SELECT pg_reload_conf()`,
	} {
		if err := s.shop.Exec(throwaway.Superuser, "postgres", sql); err != nil {
			return err
		}
	}
	if strings.Contains(said, "pg_tblspc") || strings.Contains(said, s.shop.Dir) {
		return errors.New("the model is told of a path")
	}
	return nil
}
