import json, os, ssl, urllib.request

def handler(event, context):
    # What the function trusts beside the stage: a server elsewhere has it too.
    authorities = len(ssl.create_default_context().get_ca_certs())
    with urllib.request.urlopen(os.environ["ISSUER"] + ".well-known/jwks.json") as answer:
        return json.load(answer)["keys"][0]["kty"] + (" and others" if authorities > 1 else "")
