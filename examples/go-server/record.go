package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/twitchtv/twirp"
)

// received is one HTTP request, regardless of its outcome.
type received struct {
	Path           string `json:"path"`
	IdempotencyKey string `json:"idempotencyKey"`
	// Ran says whether it reached a handler. RequestID is its id there.
	Ran       bool   `json:"ran"`
	RequestID string `json:"requestId"`
}

// record records the requests for next in order, and serves the list of them.
type record struct {
	next http.Handler

	mu       sync.Mutex
	requests []*received
}

// noteKey is the context key of a func(requestID string) in a recorded request.
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
	// It fails only if the client has disconnected.
	_ = json.NewEncoder(w).Encode(r.requests)
}

// noteRun must be the outermost interceptor, so that a call counts as run regardless of the others.
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
