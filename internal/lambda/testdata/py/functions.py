import json
import logging
import os
import sys

from py import helper

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def handler(event, context):
    print("hello from python")
    logger.info("logged")
    return {
        "event": event,
        "helper": helper.WORD,
        "name": context.function_name,
        "arn": context.invoked_function_arn,
        "id": context.aws_request_id,
        "remaining": context.get_remaining_time_in_millis(),
        "argv": len(sys.argv),
        "env": dict(os.environ),
    }


class TeapotError(Exception):
    pass


def fails(event, context):
    raise TeapotError("short and stout")


def exits(event, context):
    sys.exit(3)


def unmarshalable(event, context):
    return {1, 2}


def nothing(event, context):
    pass
