def order_manager(request): return {}
