// gosftp is a client on Go's x/crypto/ssh and pkg/sftp, for tests and benchmarks. The password comes from the
// environment variable SFTP_PASSWORD, or -key names a private key. Every command prints one line of JSON.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

var (
	addr       = flag.String("addr", "127.0.0.1:2222", "HOST:PORT of the server")
	user       = flag.String("user", "", "user name")
	key        = flag.String("key", "", "file of a private key, instead of a password")
	kex        = flag.String("kex", "", "key exchange algorithms, separated by commas")
	ciphers    = flag.String("ciphers", "", "ciphers, separated by commas")
	macs       = flag.String("macs", "", "MACs, separated by commas")
	rekey      = flag.Uint64("rekey", 0, "bytes after which the client exchanges keys again")
	concurrent = flag.Bool("concurrent", false, "send the pieces of a file concurrently")
	dir        = flag.String("dir", "/", "remote folder")
	n          = flag.Int("n", 1, "how often")
	c          = flag.Int("c", 1, "how many at a time")
)

func main() {
	flag.Parse()
	commands := map[string]func([]string) (any, error){
		"put": put, "logins": logins, "latency": latency, "idle": idle, "algorithms": algorithms,
	}
	command, known := commands[flag.Arg(0)]
	if !known {
		fail(fmt.Errorf("usage: gosftp [flags] put FILE | logins FILE | latency FILE | idle | algorithms"))
	}
	result, err := command(flag.Args()[1:])
	if err != nil {
		fail(err)
	}
	json.NewEncoder(os.Stdout).Encode(result)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func list(names string) []string {
	if names == "" {
		return nil
	}
	return strings.Split(names, ",")
}

func connect() (*ssh.Client, error) {
	config := &ssh.ClientConfig{User: *user, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 20 * time.Second}
	config.KeyExchanges, config.Ciphers, config.MACs = list(*kex), list(*ciphers), list(*macs)
	config.RekeyThreshold = *rekey
	if *key != "" {
		bytes, err := os.ReadFile(*key)
		if err != nil {
			return nil, err
		}
		signer, err := ssh.ParsePrivateKey(bytes)
		if err != nil {
			return nil, err
		}
		config.Auth = []ssh.AuthMethod{ssh.PublicKeys(signer)}
	} else {
		config.Auth = []ssh.AuthMethod{ssh.Password(os.Getenv("SFTP_PASSWORD"))}
	}
	return ssh.Dial("tcp", *addr, config)
}

func open() (*ssh.Client, *sftp.Client, error) {
	connection, err := connect()
	if err != nil {
		return nil, nil, err
	}
	client, err := sftp.NewClient(connection, sftp.UseConcurrentWrites(*concurrent))
	return connection, client, err
}

func send(client *sftp.Client, content []byte, path string) error {
	file, err := client.Create(path)
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	if _, err := file.ReadFrom(bytes.NewReader(content)); err != nil {
		file.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("close %s: %w", path, err)
	}
	return nil
}

func content(args []string) []byte {
	if len(args) != 1 {
		fail(fmt.Errorf("name one file"))
	}
	bytes, err := os.ReadFile(args[0])
	if err != nil {
		fail(err)
	}
	return bytes
}

func path(number int) string {
	return fmt.Sprintf("%s/go-%d-%d.csv", strings.TrimSuffix(*dir, "/"), os.Getpid(), number)
}

// parallel runs work 0 to n-1, c at a time, and returns the first error.
func parallel(work func(number int) error) error {
	numbers := make(chan int)
	errors := make(chan error, *c)
	var group sync.WaitGroup
	for range *c {
		group.Add(1)
		go func() {
			defer group.Done()
			for number := range numbers {
				if err := work(number); err != nil {
					errors <- err
					for range numbers {
					}
					return
				}
			}
		}()
	}
	for number := range *n {
		numbers <- number
	}
	close(numbers)
	group.Wait()
	close(errors)
	return <-errors
}

type seconds struct {
	Count   int     `json:"count"`
	Seconds float64 `json:"seconds"`
}

// put sends the file n times, c at a time, each on a connection of its own; logins counts that per second.
func put(args []string) (any, error) {
	bytes := content(args)
	begun := time.Now()
	err := parallel(func(number int) error {
		connection, client, err := open()
		if err != nil {
			return err
		}
		defer connection.Close()
		if err := send(client, bytes, path(number)); err != nil {
			return err
		}
		return client.Close()
	})
	return seconds{*n, time.Since(begun).Seconds()}, err
}

func logins(args []string) (any, error) { return put(args) }

// latency sends the file n times on one session and prints how long each took, in microseconds.
func latency(args []string) (any, error) {
	bytes := content(args)
	connection, client, err := open()
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	times := make([]int, *n)
	for number := range *n {
		begun := time.Now()
		if err := send(client, bytes, path(number)); err != nil {
			return nil, err
		}
		times[number] = int(time.Since(begun).Microseconds())
	}
	sort.Ints(times)
	return map[string]int{"p50": times[len(times)/2], "p99": times[len(times)*99/100]}, nil
}

// idle opens n sessions, says so, and waits for the end of its standard input.
func idle([]string) (any, error) {
	err := parallel(func(int) error {
		_, client, err := open()
		if err != nil {
			return err
		}
		_, err = client.RealPath(".")
		return err
	})
	if err != nil {
		return nil, err
	}
	fmt.Println("open")
	io.Copy(io.Discard, os.Stdin)
	return seconds{Count: *n}, nil
}

// algorithms tells what a connection agreed on.
func algorithms([]string) (any, error) {
	connection, err := connect()
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	return connection.Conn.(ssh.AlgorithmsConnMetadata).Algorithms(), nil
}
