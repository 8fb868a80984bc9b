package project

import "fmt"

// CannotOverlap says whether two containers of the service must never run at
// the same time, and why. `overlap: true` silences only the doubt about
// volumes, because the other reasons are facts of the engine or the kernel.
func (s Service) CannotOverlap() (reason string, yes bool) {
	if s.Overlap != nil && !*s.Overlap {
		return "overlap: false", true
	}
	if s.ContainerName != "" {
		return fmt.Sprintf("container_name %s can exist once", s.ContainerName), true
	}
	if reason, yes := s.ownsNetwork(); yes {
		return reason, true
	}
	if len(s.HostPorts) > 0 {
		return fmt.Sprintf("host port %d can be bound once", s.HostPorts[0].Host), true
	}
	if len(s.Devices) > 0 {
		return "device " + s.Devices[0] + " may have one owner", true
	}
	if s.Overlap != nil && *s.Overlap {
		return "", false
	}
	if volumes := s.ExclusiveVolumes(); len(volumes) > 0 {
		return fmt.Sprintf("writes %s %s, which no other service mounts", volumes[0].Kind, volumes[0].Source), true
	}
	return "", false
}

func (s Service) ownsNetwork() (reason string, yes bool) {
	switch {
	case s.NetworkMode == "host":
		return "network_mode: host binds the host's ports", true
	case isSharedNetworkMode(s.NetworkMode):
		return "network_mode: " + s.NetworkMode + " shares one set of ports", true
	case len(s.FixedAddresses) > 0:
		return "address " + s.FixedAddresses[0] + " can be used once", true
	}
	return "", false
}

// ExclusiveVolumes returns the writable mounts that only this service has and
// that may hold an embedded database.
func (s Service) ExclusiveVolumes() []Volume {
	var exclusive []Volume
	for _, volume := range s.Volumes {
		keepsState := volume.Kind == VolumeNamed || volume.Kind == VolumeBind
		if keepsState && volume.Writable && !volume.Shared && !volume.Harmless {
			exclusive = append(exclusive, volume)
		}
	}
	return exclusive
}
