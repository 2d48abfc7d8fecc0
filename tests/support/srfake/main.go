// A schema registry in memory for the tests: it prints its address, and ends with its standard input.
//
// With -login it wants that Authorization header.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/twmb/franz-go/pkg/sr/srfake"
)

func main() {
	login := flag.String("login", "", "the Authorization header that is wanted")
	flag.Parse()
	options := []srfake.Option{}
	if *login != "" {
		options = append(options, srfake.WithAuth(*login))
	}
	fmt.Println(srfake.New(options...).URL())
	io.Copy(io.Discard, os.Stdin)
}
