def merchant(request): return {}
