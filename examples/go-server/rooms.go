package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/twitchtv/twirp"
	"google.golang.org/protobuf/proto"

	rooms "example.com/go-server/gen/rooms"
)

// roomService keeps its rooms in memory. The first call that changes a room creates it.
type roomService struct {
	region string

	mu     sync.Mutex
	rooms  map[string]*rooms.Room
	lastID int
}

var _ rooms.RoomService = (*roomService)(nil)

func newRoomService(region string) *roomService {
	return &roomService{region: region, rooms: make(map[string]*rooms.Room)}
}

func (s *roomService) GetRoom(_ context.Context, req *rooms.GetRoomRequest) (*rooms.Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.Name == "" {
		return nil, twirp.RequiredArgumentError("name")
	}
	if room, ok := s.rooms[req.Name]; ok {
		return proto.CloneOf(room), nil
	}
	return &rooms.Room{Name: req.Name, ServedBy: s.region}, nil
}

func (s *roomService) ListRooms(_ context.Context, req *rooms.ListRoomsRequest) (*rooms.ListRoomsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*rooms.Room, 0, len(s.rooms))
	for _, room := range s.rooms {
		all = append(all, proto.CloneOf(room))
	}
	slices.SortFunc(all, func(a, b *rooms.Room) int { return strings.Compare(a.Name, b.Name) })
	if limit := int(req.Limit); limit > 0 && limit < len(all) {
		all = all[:limit]
	}
	return &rooms.ListRoomsResponse{Rooms: all}, nil
}

func (s *roomService) UpdateRoomMetadata(_ context.Context, req *rooms.UpdateRoomMetadataRequest) (*rooms.Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.Name == "" {
		return nil, twirp.RequiredArgumentError("name")
	}
	room := s.room(req.Name)
	room.Metadata = req.Metadata
	return proto.CloneOf(room), nil
}

func (s *roomService) DialParticipant(_ context.Context, req *rooms.DialParticipantRequest) (*rooms.DialParticipantResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.Room == "" {
		return nil, twirp.RequiredArgumentError("room")
	}
	s.room(req.Room).Participants++
	return &rooms.DialParticipantResponse{ParticipantId: s.newID("PA"), ServedBy: s.region}, nil
}

func (s *roomService) StartRecording(_ context.Context, req *rooms.StartRecordingRequest) (*rooms.StartRecordingResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.Room == "" {
		return nil, twirp.RequiredArgumentError("room")
	}
	return &rooms.StartRecordingResponse{RecordingId: s.newID("RE"), ServedBy: s.region}, nil
}

// room returns the room with that name, and creates it if necessary. s.mu must be held.
func (s *roomService) room(name string) *rooms.Room {
	room, ok := s.rooms[name]
	if !ok {
		room = &rooms.Room{Name: name, ServedBy: s.region}
		s.rooms[name] = room
	}
	return room
}

// newID returns a unique id. s.mu must be held.
func (s *roomService) newID(prefix string) string {
	s.lastID++
	return fmt.Sprintf("%s_%d", prefix, s.lastID)
}
