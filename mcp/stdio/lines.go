package stdio

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
)

// inputLine is one line of input, without its end. The last one has an error, io.EOF as a rule.
type inputLine struct {
	text    []byte
	tooLong bool
	err     error
}

// readLines hands on line after line, and reads no further than one line ahead.
func readLines(ctx context.Context, in io.Reader, longest int) <-chan inputLine {
	lines := make(chan inputLine)
	go func() { // a blocked read cannot be interrupted: then this ends with the process
		for reader := bufio.NewReader(in); ; {
			line := readLine(reader, longest)
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
			if line.err != nil {
				return
			}
		}
	}()
	return lines
}

// readLine reads a line to its end, and keeps none of it when it is too long.
func readLine(in *bufio.Reader, longest int) (line inputLine) {
	for {
		part, err := in.ReadSlice('\n')
		if line.tooLong = line.tooLong || len(line.text)+len(part) > longest; line.tooLong {
			line.text = nil
		} else {
			line.text = append(line.text, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			line.text, line.err = bytes.TrimRight(line.text, "\r\n"), err
			return line
		}
	}
}
