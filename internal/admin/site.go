package admin

import (
	"context"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/tools/platforms"
	"deputy/vending"
)

// Site is a configuration with the engines of its platforms.
type Site struct {
	*config.Config
	Engines map[string]vending.Engine
}

// Open opens the engines of all platforms. Its error is a *config.Error.
func Open(c *config.Config) (*Site, error) {
	engines, err := assembly.Engines(c)
	if err != nil {
		return nil, err
	}
	return &Site{c, engines}, nil
}

// OpenPart opens the engines that can be opened, for those who want to see all that is wrong at once. problems says
// what is wrong with the others.
func OpenPart(c *config.Config) (s *Site, problems []config.Problem) {
	engines, problems := assembly.OpenEngines(c)
	return &Site{c, engines}, problems
}

// Served are the platforms as a server would serve them: what does not work is closed, and says why.
func (s *Site) Served(ctx context.Context) ([]*platforms.Platform, error) {
	return assembly.ServedPlatforms(ctx, s.Config, s.Engines)
}

// Close closes the engines.
func (s *Site) Close() {
	for _, e := range s.Engines {
		e.Close()
	}
}

// Hold holds the policies against the tables that are in the platforms now, as a server would. Nothing can be asked of
// what comes of it.
func (s *Site) Hold(ctx context.Context) ([]*platforms.Platform, error) {
	return assembly.Platforms(ctx, s.Config, s.Engines)
}

// Compile is what the policies decide with on each platform.
func (s *Site) Compile(ctx context.Context) (map[string]*requests.Compiled, error) {
	held, err := s.Hold(ctx)
	if err != nil {
		return nil, assembly.InFile(s.Config, err)
	}
	out := map[string]*requests.Compiled{}
	for _, p := range held {
		if out[p.Name], err = p.Entitlements(ctx); err != nil {
			return nil, assembly.InFile(s.Config, err)
		}
	}
	return out, nil
}

// Catalogs are what the platforms have now.
func (s *Site) Catalogs(ctx context.Context) (map[string]*entitlements.Catalog, error) {
	return assembly.Catalogs(ctx, s.Engines)
}
