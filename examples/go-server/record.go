package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/twitchtv/twirp"
)

// received is one HTTP request, whatever became of it.
type received struct {
	Path           string `json:"path"`
	IdempotencyKey string `json:"idempotencyKey"`
	// Ran tells whether it got as far as a handler, and RequestID what it was called there.
	Ran       bool   `json:"ran"`
	RequestID string `json:"requestId"`
}

// record notes the requests for next in the order in which they come in, and answers with the list of them.
type record struct {
	next http.Handler

	mu       sync.Mutex
	requests []*received
}

// noteKey is that of a func(requestID string) in the context of a recorded request.
type noteKey struct{}

func (r *record) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/received" {
		r.list(w)
		return
	}
	r.mu.Lock()
	entry := &received{Path: req.URL.Path, IdempotencyKey: req.Header.Get("Idempotency-Key")}
	r.requests = append(r.requests, entry)
	r.mu.Unlock()

	note := func(requestID string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		entry.Ran, entry.RequestID = true, requestID
	}
	r.next.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), noteKey{}, note)))
}

func (r *record) list(w http.ResponseWriter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	// It fails only if the client has left.
	_ = json.NewEncoder(w).Encode(r.requests)
}

// noteRun has to be the outermost interceptor: a call counts as run whatever the others make of it.
func noteRun(next twirp.Method) twirp.Method {
	return func(ctx context.Context, req any) (any, error) {
		note, recorded := ctx.Value(noteKey{}).(func(string))
		named, hasID := req.(interface{ GetRequestId() string })
		if recorded && hasID {
			note(named.GetRequestId())
		}
		return next(ctx, req)
	}
}
