package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/twitchtv/twirp"

	rooms "example.com/go-server/gen/rooms"
)

// failAsNamed makes a call fail if the name of its room says so:
//
//	error:<code>[?<key>=<value>&...]  that Twirp error, with this meta
//	panic                             the handler panics
//	hang                              no answer until the client has disconnected
//	large:<bytes>                     a room with that much metadata
//	relay:<base URL>                  the error of a GetRoom that the handler sends to the service there
func failAsNamed(next twirp.Method) twirp.Method {
	return func(ctx context.Context, req any) (any, error) {
		fault, argument, _ := strings.Cut(roomOf(req), ":")
		switch fault {
		case "error":
			return nil, errorOf(argument)
		case "panic":
			panic("as the name of the room says")
		case "hang":
			<-ctx.Done()
			return nil, twirp.Canceled.Error("the client has disconnected")
		case "large":
			size, err := strconv.Atoi(argument)
			if err != nil {
				return nil, twirp.InvalidArgumentError("name", err.Error())
			}
			return &rooms.Room{Name: roomOf(req), Metadata: strings.Repeat("x", size)}, nil
		case "relay":
			downstream := rooms.NewRoomServiceProtobufClient(argument, http.DefaultClient)
			if _, err := downstream.GetRoom(ctx, &rooms.GetRoomRequest{Name: "lobby"}); err != nil {
				return nil, err
			}
		}
		return next(ctx, req)
	}
}

func errorOf(argument string) error {
	code, query, _ := strings.Cut(argument, "?")
	meta, err := url.ParseQuery(query)
	if err != nil {
		return twirp.InvalidArgumentError("name", err.Error())
	}
	twerr := twirp.ErrorCode(code).Error("the handler says " + code)
	for key := range meta {
		twerr = twerr.WithMeta(key, meta.Get(key))
	}
	return twerr
}

func roomOf(req any) string {
	switch req := req.(type) {
	case interface{ GetName() string }:
		return req.GetName()
	case interface{ GetRoom() string }:
		return req.GetRoom()
	}
	return ""
}
