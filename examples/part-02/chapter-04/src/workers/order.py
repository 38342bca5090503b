"""What a worker of orders takes on. Which queue and which server, whoever starts it decides."""

from src.activities.order import charge, reserve
from src.workflows.order import OrderWorkflow

WORKFLOWS = [OrderWorkflow]
ACTIVITIES = [reserve, charge]
