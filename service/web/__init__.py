"""The pages people see: server-rendered HTML, and the components Vite builds for them."""
