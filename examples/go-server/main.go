// Command go-server serves proto/rooms.proto with the reference implementation of Twirp.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/twitchtv/twirp"

	rooms "example.com/go-server/gen/rooms"
)

const shutdownTimeout = 2 * time.Second

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on; port 0 means any free port")
	region := flag.String("region", "go", "value of served_by in answers")
	faults := flag.Bool("faults", false, "fail as the room's name says; for tests")
	recording := flag.Bool("record", false, "serve the list of received requests at /received; for tests")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second signal ends the process at once.
	if err := run(ctx, *listen, newHandler(*region, *faults, *recording)); err != nil {
		log.Fatal(err)
	}
}

func newHandler(region string, faults, recording bool) http.Handler {
	var interceptors []twirp.Interceptor
	if recording {
		interceptors = append(interceptors, noteRun)
	}
	if faults {
		interceptors = append(interceptors, failAsNamed)
	}
	server := rooms.NewRoomServiceServer(newRoomService(region), twirp.WithServerInterceptors(interceptors...))

	mux := http.NewServeMux()
	mux.Handle(server.PathPrefix(), server)
	if !recording {
		return mux
	}
	return &record{next: mux}
}

// run serves until ctx is done. It first prints the address, because with port 0 it is not known before.
func run(ctx context.Context, address string, handler http.Handler) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())

	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}

	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close()
}
