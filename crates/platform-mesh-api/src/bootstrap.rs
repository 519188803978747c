//! Everything an empty kcp needs to become a Platform Mesh, in order.
