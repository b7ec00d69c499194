// Command tokens counts tokens as o200k has them: of each JSON string on standard input, one line with the number. It
// has a module of its own, so that Deputy's has no tokenizer; tests start it with "go run".
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pkoukk/tiktoken-go"
	loader "github.com/pkoukk/tiktoken-go-loader"
)

func main() {
	if err := count(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func count(in io.Reader, out io.Writer) error {
	tiktoken.SetBpeLoader(loader.NewOfflineLoader())
	o200k, err := tiktoken.GetEncoding(tiktoken.MODEL_O200K_BASE)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(out)
	for texts := json.NewDecoder(in); ; {
		var text string
		if err := texts.Decode(&text); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return err
		}
		fmt.Fprintln(buffered, len(o200k.EncodeOrdinary(text)))
		if err := buffered.Flush(); err != nil {
			return err
		}
	}
}
