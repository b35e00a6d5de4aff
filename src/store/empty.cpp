namespace edgesync {}
